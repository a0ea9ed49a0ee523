"""Analysis of in vivo microdialysis studies, from chromatogram exports to figures."""

__version__ = "0.1.0"
