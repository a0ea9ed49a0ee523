"""What was found and how, in words: a results sentence and a methods paragraph per outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dialysis.stats.sensitivity import WORDS as VARIANT_WORDS
from dialysis.words import counted, listed, p_words, undecided, whole

_RESPONSE = "the logarithm of the ratio to the animal's own baseline"
_REFERENCES = {
    "vickers": "Vickers AJ. BMC Med Res Methodol 2001;1:6.",
    "laird": "Laird NM, Ware JH. Biometrics 1982;38:963–974.",
    "kr": "Kenward MG, Roger JH. Biometrics 1997;53:983–997.",
    "satterthwaite": "Kuznetsova A, Brockhoff PB, Christensen RHB. J Stat Softw 2017;82(13).",
    "pinheiro": "Pinheiro JC, Bates DM. Mixed-Effects Models in S and S-PLUS. Springer 2000.",
    "dunnett": "Dunnett CW. J Am Stat Assoc 1955;50:1096–1121.",
    "hothorn": "Hothorn T, Bretz F, Westfall P. Biom J 2008;50:346–363.",
    "holm": "Holm S. Scand J Stat 1979;6:65–70.",
}
_SUBSTITUTED = {
    "lod_half": "as half the limit",
    "lod_sqrt2": "as the limit divided by √2",
    "measured": "as measured",
    "": "as substituted in their parts",
}
_FAMILY = {
    "within": "the groups within one time",
    "all": "all groups and all times after the dose",
}


def results_text(
    model: Mapping[str, Any],
    anova: pd.DataFrame,
    contrasts: pd.DataFrame,
    auc: pd.DataFrame,
    auc_model: pd.DataFrame,
    sensitivity: pd.DataFrame,
) -> str:
    """Write what the analysis of one outcome found.

    Parameters
    ----------
    model : mapping
        What goes to ``model.json``.
    anova, contrasts, auc, auc_model, sensitivity : DataFrame
        Tables of `dialysis.tables.stats`.

    Returns
    -------
    str
        Markdown: a paragraph of results, and one of what to know about them.
    """
    label = str(model["label"])
    parts = [f"**{label}.**"]
    if model["status"] not in ("ok", "singular"):
        why = "failed" if model["status"] == "failed" else "could not be made"
        parts.append(f"The statistical analysis {why}: {_end(str(model['reason']))}")
        return " ".join(parts) + "\n"
    if not len(contrasts):
        parts.append("There is no group with a control, so nothing is compared with a vehicle.")
        parts.append(_term(model, anova, "time", "The response changed over time", "over time"))
    else:
        parts.append(_overall(model, anova))
        parts += _groups(model, contrasts)
        parts += _areas(model, auc)
    second = _caveats(model, contrasts, auc_model, sensitivity)
    text = " ".join(part for part in parts if part)
    return text + "\n" + (f"\n{' '.join(second)}\n" if second else "")


def _overall(model: Mapping[str, Any], anova: pd.DataFrame) -> str:
    alpha = float(model["alpha"])
    table = anova.set_index("term")
    if "group:time" in table.index and pd.notna(table.loc["group:time", "p"]):
        row = table.loc["group:time"]
        verb = "differed" if row["p"] < alpha else "did not differ demonstrably"
        return f"The time course {verb} between groups (group × time {_f(row)})."
    if "group" in table.index and pd.notna(table.loc["group", "p"]):
        row = table.loc["group"]
        verb = "differed" if row["p"] < alpha else "did not differ demonstrably"
        return f"The groups {verb} ({_f(row)})."
    return "The groups could not be tested as a whole."


def _term(model: Mapping[str, Any], anova: pd.DataFrame, term: str, changed: str, what: str) -> str:
    row = anova.set_index("term").loc[term]
    if pd.isna(row["p"]):
        return f"A change {what} could not be tested ({row['reason']})."
    if row["p"] < float(model["alpha"]):
        return f"{changed} ({_f(row)})."
    return f"A change {what} was not demonstrated ({_f(row)})."


def _f(row: pd.Series) -> str:
    return (
        f"F({row['num_df']:.0f}, {row['den_df']:.1f}) = {row['statistic']:.2f}, {p_words(row['p'])}"
    )


def _groups(model: Mapping[str, Any], contrasts: pd.DataFrame) -> list[str]:
    family = str(model["stars"]["family"])
    column = "p_all" if family == "all" else "p_within"
    out = []
    interval, judged = _interval(model), _judged(model)
    quiet = []
    for (group, control), rows in contrasts.groupby(["group", "control"], sort=False):
        tested = rows[rows[column].notna()]
        if tested.empty:
            reason = next((r for r in rows["reason"] if r), "no reason given")
            out.append(f"{_cap(group)} could not be compared with {control} ({reason}).")
            continue
        hits = tested[tested[column] < float(model["alpha"])]
        if hits.empty:
            quiet.append((str(group), str(control), tested))
            continue
        best = hits.loc[(hits["log_ratio"].abs()).idxmax()]
        up, down = hits[hits["log_ratio"] > 0], hits[hits["log_ratio"] < 0]
        said = []
        for direction, some in (("above", up), ("below", down)):
            if len(some):
                said.append(f"{direction} {control} at {_minutes(some['time_min'])}")
        out.append(
            f"{_cap(group)} was {' and '.join(said)}; the largest difference was at "
            f"{best['time_min']:.0f} min, {best['ratio_pct']:.0f} % of {control} "
            f"({interval} {best['sim_low_pct']:.0f} to {best['sim_high_pct']:.0f} %, "
            f"{judged} {p_words(best[column])})."
        )
    for group, control, tested in quiet:
        nearest = tested.loc[tested[column].idxmin()]
        out.append(
            f"{_cap(group)} did not differ demonstrably from {control} at any time (closest at "
            f"{nearest['time_min']:.0f} min: {nearest['ratio_pct']:.0f} %, {interval} "
            f"{nearest['sim_low_pct']:.0f} to {nearest['sim_high_pct']:.0f} %, {judged} "
            f"{p_words(nearest[column])})."
        )
    return out


def _areas(model: Mapping[str, Any], auc: pd.DataFrame) -> list[str]:
    """Areas of animals, with the p of the figure of areas."""
    tested = auc[auc["p_adjusted"].notna()]
    if tested.empty:
        return []
    window = model["auc"]["window_min"]
    over = "" if window is None else f" from {whole(window[0])} to {whole(window[1])} min"
    return [
        f"Area under percent of baseline{over}, of the animals that have all fractions, difference "
        f"from control: {_differences(tested, True)} ({_judged(model)}, linear model of the areas)."
    ]


def _model_areas(model: Mapping[str, Any], auc_model: pd.DataFrame) -> list[str]:
    tested = auc_model[auc_model["p_adjusted"].notna()]
    if tested.empty:
        return []
    return [
        "Area under the mixed model's time course over "
        f"{float(tested['window_min'].iloc[0]):.0f} min, a second estimate to which animals with "
        f"missing fractions contribute, difference from control: {_differences(tested, False)} "
        f"({_judged(model)}, delta method)."
    ]


def _differences(tested: pd.DataFrame, counts: bool) -> str:
    said = []
    for row in tested.itertuples(index=False):
        n = f"n = {row.n}, " if counts else ""
        size = whole(row.difference_pct_min, sign=True)
        said.append(f"{row.group} {size} % × min ({n}{p_words(row.p_adjusted)})")
    return "; ".join(said)


def _interval(model: Mapping[str, Any]) -> str:
    """Name the intervals that go with the comparisons."""
    level = f"{100 * float(model['confidence']):g} % CI"
    adjustment = str(model["multiplicity"]["adjustment"])
    if adjustment == "none":
        return f"unadjusted {level}"
    return f"Bonferroni's {level}" if adjustment == "holm" else f"simultaneous {level}"


def _judged(model: Mapping[str, Any]) -> str:
    return "unadjusted" if model["multiplicity"]["adjustment"] == "none" else "adjusted"


def _caveats(
    model: Mapping[str, Any],
    contrasts: pd.DataFrame,
    auc_model: pd.DataFrame,
    sensitivity: pd.DataFrame,
) -> list[str]:
    out = []
    n = "; ".join(f"{group} {count}" for group, count in model["n_per_group"].items())
    out.append(f"n (animals): {n}.")
    if model.get("uncalibrated"):
        out.append(
            "The outcome is uncalibrated: ratios are of detector responses and hold as far as the "
            "response is proportional to the concentration."
        )
    single = [group for group, count in model["n_per_group"].items() if count == 1]
    if single:
        out.append(
            f"{listed(single)} had one animal: the comparison rests on the variation in the other "
            "groups, and says nothing about that of this one."
        )
    if model["status"] == "singular":
        out.append(f"The fit is singular: {_end(str(model['reason']))}")
    elif model["zero_variances"]:
        out.append(f"In this fit {_end(str(model['reason']))}")
    lost = contrasts[contrasts["log_ratio"].isna()] if len(contrasts) else contrasts
    if len(lost):
        reasons = listed(list(dict.fromkeys(str(r) for r in lost["reason"])))
        out.append(f"{len(lost)} of {len(contrasts)} comparisons could not be made ({reasons}).")
    if model["n_censored"]:
        out.append(
            f"{model['n_censored']} of {model['n_observations']} values were below the limit of "
            f"detection and entered {_SUBSTITUTED[str(model['baseline']['below_limit'])]}."
        )
    if len(contrasts):
        out += _model_areas(model, auc_model)
    for variant, rows in sensitivity.groupby("variant", sort=False):
        changed = rows["change_pct"].abs().max()
        crossed = rows[rows["star_changes"].fillna(False).astype(bool)]
        if pd.isna(changed):
            out.append(f"With {VARIANT_WORDS[str(variant)]}, no comparison could be repeated.")
            continue
        out.append(
            f"With {VARIANT_WORDS[str(variant)]}, ratios changed by at most {changed:.2g} % and "
            f"{_crossed(crossed, contrasts, float(model['alpha']))}."
        )
    return out


def _crossed(crossed: pd.DataFrame, contrasts: pd.DataFrame, alpha: float) -> str:
    """Say which comparisons are on the other side of the level of significance."""
    if crossed.empty:
        return "no comparison crossed the level of significance"
    minutes = dict(zip(contrasts["time_index"], contrasts["time_min"], strict=True))
    named = []
    for group, rows in crossed.groupby("group", sort=False):
        for below, some in rows.groupby(rows["p_family"] < alpha, sort=False):
            times = some["time_index"].map(minutes).sort_values()
            side = "significant only so" if below else "significant only as analysed"
            named.append(f"{group} at {_minutes(times)}, {side}")
    verb = "comparison" if len(crossed) == 1 else "comparisons"
    return f"{len(crossed)} {verb} crossed the level of significance ({'; '.join(named)})"


def methods_text(model: Mapping[str, Any]) -> str:
    """Write how the outcome was analysed, as a methods paragraph with references."""
    if model["status"] not in ("ok", "singular"):
        return (
            f"**{model['label']}.** A linear mixed model of {_RESPONSE} was intended; it was not "
            f"fitted: {_end(str(model['reason']))}\n"
        )
    cited = ["vickers", "laird"]
    cited += ["pinheiro"] if model["variances"]["test"] is not None else []
    terms = [term for term in model["terms"] if term != "log_baseline_c"]
    also = f" and {listed(terms)} as fixed factors" if terms else ""
    baseline = (
        " with the logarithm of the baseline as covariate"
        if "log_baseline_c" in model["terms"]
        else ""
    )
    parts = [
        f"**{model['label']}.** {_measures(model)} Values after the dose were analysed as "
        f"{_RESPONSE} (Vickers 2001) in a linear mixed model (Laird & Ware 1982) with a mean for "
        f"every group and time{baseline}{also}, fitted by {_estimator(str(model['estimator']))}. "
        f"Covariance of the values of an animal: {model['covariance']}{_serial(model)}."
        f"{_variances(model)}",
    ]
    if str(model["df_method"]).startswith("Kenward"):
        cited.append("kr")
        parts.append(
            "Standard errors, degrees of freedom and F tests (type III) are those of Kenward and "
            "Roger (1997)."
        )
    else:
        cited.append("satterthwaite")
        parts.append(
            "F tests are of type III; degrees of freedom are Satterthwaite's (Kuznetsova et al. "
            "2017)."
        )
    adjustment = str(model["multiplicity"]["adjustment"])
    family = _FAMILY[str(model["stars"]["family"])]
    if model["controls"]:
        against = listed(list(dict.fromkeys(model["controls"].values())))
        start = f"Each group was compared with its control ({against}) at every time"
        if adjustment == "dunnett":
            cited += ["dunnett", "hothorn"]
            parts.append(
                f"{start}; p-values and confidence intervals were adjusted over {family} from the "
                "multivariate t distribution of the estimates (Dunnett 1955; Hothorn et al. 2008)."
            )
        elif adjustment == "holm":
            cited.append("holm")
            parts.append(
                f"{start}; p-values were adjusted over {family} (Holm 1979). Simultaneous "
                "confidence intervals are Bonferroni's over the same comparisons, because Holm's "
                "method has none: one may hold 100 % where p is below the level."
            )
        elif adjustment == "bonferroni":
            parts.append(
                f"{start}; p-values and confidence intervals were adjusted over {family} "
                "(Bonferroni)."
            )
        else:
            parts.append(
                f"{start}; neither p-values nor confidence intervals were adjusted for the number "
                "of comparisons."
            )
        parts.append(_area_methods(model))
    else:
        parts.append("There was no control group to compare with.")
    parts.append(
        f"The level of significance was {float(model['alpha']):g}, that of confidence intervals "
        f"{100 * float(model['confidence']):g} %. n is the number of animals; results are given as "
        "ratios in percent."
    )
    parts += _left_out(model)
    parts.append(f"Computed with {model['software']}.")
    references = "\n".join(f"- {_REFERENCES[name]}" for name in cited)
    return f"{' '.join(parts)}\n\n{references}\n"


def _measures(model: Mapping[str, Any]) -> str:
    """Say what percent of baseline is of, and what stands for values below the limit."""
    most, fewest = model["baseline"]["fractions"], model["baseline"]["fewest_fractions"]
    some = f" ({fewest} to {most} of them with a value)" if 0 < fewest < most else ""
    baseline = f"the mean of its {counted(most, 'fraction')} before the dose{some}"
    if most < 2:
        baseline = "its fraction before the dose" if most else "the mean before the dose"
    substitute = str(model["baseline"]["below_limit"])
    limit = ""
    if model["n_censored"] or substitute:
        limit = f" Values below the limit of detection entered {_SUBSTITUTED[substitute]}."
    return f"The baseline of an animal is {baseline}.{limit}"


def _area_methods(model: Mapping[str, Any]) -> str:
    """How areas under the curve and trends over the dose were tested."""
    adjustment = {
        "dunnett": "p-values adjusted over the groups (Dunnett 1955)",
        "holm": "p-values adjusted over the groups (Holm 1979)",
        "bonferroni": "p-values adjusted over the groups (Bonferroni)",
    }.get(str(model["multiplicity"]["adjustment"]), "p-values not adjusted")
    window = model["auc"]["window_min"]
    over = "" if window is None else f" from {whole(window[0])} to {whole(window[1])} min"
    text = (
        f"The area under percent of baseline{over} (Σ percent × minutes) of every animal with all "
        "fractions was compared with that of its control in a linear model with a mean for every "
        f"group and one variance, {adjustment}; the area under the mixed model's time course, to "
        "which animals with missing fractions contribute, by the delta method, adjusted likewise."
    )
    if model["dose_series"]:
        text += (
            " Trends over the dose are linear in its logarithm, one test for each drug "
            f"({listed(model['dose_series'])}), not adjusted over drugs: of the areas in their "
            "linear model (as the figure of areas shows) and of the mixed model's mean over the "
            "same time."
        )
    return text


def _left_out(model: Mapping[str, Any]) -> list[str]:
    """Count the fractions after the dose that are not in the model."""
    if not model["exclusions"]:
        return ["No fraction after the dose was left out."]
    reasons: dict[str, int] = {}
    for each in model["exclusions"]:
        plain = undecided(str(each["reason"])).rstrip(". ")
        reasons[plain] = reasons.get(plain, 0) + int(each["n"])
    total = sum(reasons.values())
    named = "; ".join(f"{n} × {reason}" for reason, n in reasons.items())
    return [f"Not in the model: {counted(total, 'fraction')} after the dose ({named})."]


def _variances(model: Mapping[str, Any]) -> str:
    """Whether groups have their own variances, where that was left to the data."""
    test = model["variances"]["test"]
    if test is None:
        return ""
    own = bool(model["variances"]["per_group"])
    verb = "differed" if own else "did not differ demonstrably"
    so = "each has its own" if own else "they share one"
    found = f"χ²({test['df']}) = {test['statistic']:.1f}, {p_words(float(test['p']))}"
    return (
        f" The variances of the groups {verb} (likelihood-ratio test, {found}, level "
        f"{test['level']:g}; Pinheiro & Bates 2000), so {so}."
    )


def _estimator(name: str) -> str:
    return "restricted maximum likelihood (REML)" if name == "REML" else "maximum likelihood (ML)"


def _serial(model: Mapping[str, Any]) -> str:
    parameters = model["covariance_parameters"]
    if "rho" not in parameters or parameters["rho"] is None:
        return ""
    return f" (correlation {parameters['rho']:.2f} per {model['lag_unit_min']:.3g} min)"


def _minutes(times: pd.Series) -> str:
    return f"{listed([whole(time) for time in times])} min"


def _cap(text: object) -> str:
    word = str(text)
    return word[:1].upper() + word[1:]


def _end(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
