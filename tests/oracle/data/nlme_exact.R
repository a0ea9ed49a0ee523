# What nlme says at covariance parameters given to it, and the covariance of its own parameters.
#
# nlme stops short of the optimum when every group has a variance of its own. This takes the
# correlation and the ratios of standard deviations that dialysis.stats found (nlme_given.csv),
# holds them fixed, and prints nlme's likelihood, residual standard deviation, coefficients and
# standard errors there; and for its own fit, which is that of the reference files, the likelihood,
# the parameters and apVar, which emmeans' degrees of freedom are made of.
# Run in this folder: Rscript nlme_exact.R > nlme_exact.csv   (R 4.2.2, nlme 3.1-162)
suppressMessages(library(nlme))
given <- read.csv("nlme_given.csv")
cat("set,model,key,row,column,value\n")
for (set in unique(given$set)) for (model in c("ar1", "cs")) {
  say <- function(key, value, i = 1, j = 1)
    cat(sprintf("%s,%s,%s,%d,%d,%.17g\n", set, model, key, i, j, value), sep = "")
  d <- read.csv(gzfile(paste0(set, ".csv.gz")))
  d <- d[d$phase == "post" & is.finite(d$log_ratio), ]
  d$group <- factor(d$group, levels = unique(d$group[order(d$dose)]))
  d$ftime <- factor(d$time_min)
  d$tp <- as.integer(d$ftime)
  d$t10 <- d$time_min / 10
  make <- function(...) {
    if (model == "cs") corCompSymm(..., form = ~ 1 | animal)
    else if (grepl("unequal", set)) corCAR1(..., form = ~ t10 | animal)
    else corAR1(..., form = ~ tp | animal)
  }
  first <- if (model == "ar1" && grepl("unequal", set)) make(0.8) else make()
  own <- gls(pct ~ group * ftime, d, correlation = first,
             weights = varIdent(form = ~ 1 | group), method = "REML")
  say("own_loglik", as.numeric(logLik(own)))
  say("own_sigma", own$sigma)
  say("own_correlation", coef(own$modelStruct$corStruct, unconstrained = FALSE))
  ratio <- coef(own$modelStruct$varStruct, unconstrained = FALSE)
  say("own_ratio", ratio, seq_along(ratio))
  a <- own$apVar
  say("own_apvar", as.numeric(a), rep(seq_len(nrow(a)), ncol(a)),
      rep(seq_len(ncol(a)), each = nrow(a)))
  g <- given[given$set == set & given$model == model, ]
  ratios <- setNames(g$value[g$key == "ratio"], g$level[g$key == "ratio"])
  held <- gls(pct ~ group * ftime, d,
              correlation = make(g$value[g$key == "correlation"], fixed = TRUE),
              weights = varIdent(form = ~ 1 | group, fixed = ratios), method = "REML")
  say("given_loglik", as.numeric(logLik(held)))
  say("given_sigma", held$sigma)
  b <- coef(held)
  say("given_coef", b, seq_along(b))
  say("given_se", sqrt(diag(vcov(held))), seq_along(b))
}
