"""`review`: the static site on which a study is signed off."""

from dialysis.review.site import write_site

__all__ = ["write_site"]
