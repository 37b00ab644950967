"""A run or a comparison as one page that needs no other file: numbers, figures, images."""

from gluon_hash.report.bits import BitStatistics, bit_statistics
from gluon_hash.report.contents import Codes, Images, Trained
from gluon_hash.report.fidelity import Fidelity, fidelity
from gluon_hash.report.page import comparison_report, run_report

__all__ = [
    "BitStatistics",
    "Codes",
    "Fidelity",
    "Images",
    "Trained",
    "bit_statistics",
    "comparison_report",
    "fidelity",
    "run_report",
]
