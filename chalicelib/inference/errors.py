"""What can go wrong with a model. No message has the endpoint's key in it."""

from chalicelib.errors import ClaimcheckError


class ModelError(ClaimcheckError):
    """The model gave no answer."""

    code = "MODEL_ERROR"


class ModelRefused(ModelError):
    """The model's endpoint refused the request; it would refuse it again."""

    code = "MODEL_REFUSED"


class ModelAnswerInvalid(ModelRefused):
    """The model's endpoint sent an answer that cannot be used."""

    code = "MODEL_ANSWER_INVALID"


class ModelUnavailable(ModelError):
    """The model's endpoint gave no answer in time."""

    code = "MODEL_UNAVAILABLE"
