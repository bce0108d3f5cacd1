"""What can be wrong with a file or with what is to be done to it, in words for the person whose file it is."""


class TabularError(Exception):
    """The file could not be processed; the text says why, and where in the file."""


class BadFile(TabularError):
    """The file is not what its format says; names the line or the column."""


class BadColumn(TabularError):
    """A step names a column that is not there; says which there are."""


class BadValue(TabularError):
    """A value cannot become what a step makes of it."""


class TooLarge(TabularError):
    """The file grows beyond the limit when it is expanded."""


class NeedsMore(TabularError):
    """The file cannot be processed with what is given here; a bigger machine could."""


class NotEnoughSpace(NeedsMore):
    """There is not enough temporary space."""


class NotEnoughMemory(NeedsMore):
    """There is not enough memory."""
