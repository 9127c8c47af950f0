"""Twoway: does answering people beat talking at them?"""

__version__ = "0.1.0"
