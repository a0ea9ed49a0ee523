"""The review page: one folder that a person opens from disk, reads and can mail."""

from dialysis.review.site import write_site

__all__ = ["write_site"]
