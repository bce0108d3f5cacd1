"""What can be wrong with a data set, its rows and the template of their prompts."""


class EvaluationError(Exception):
    """The evaluation cannot be done."""


class DataSetError(EvaluationError):
    """The data set lacks what every one of its rows would need."""


class RowError(EvaluationError):
    """One row cannot be scored; the others can."""


class TemplateError(EvaluationError):
    """The template of the prompts is not well formed, or names what there is not."""
