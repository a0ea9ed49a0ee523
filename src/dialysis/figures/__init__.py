"""Figures: one bundle per outcome (`bundle`), and quality control (`qc`).

Nothing is imported here, so that a change of the one does not rerun the other.
"""
