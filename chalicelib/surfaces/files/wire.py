"""The files contract's bodies."""

from chalicelib.surfaces.wire import Email, Model, Password


class Registration(Model):
    """Who wants an account."""

    email: Email
    password: Password


class UserView(Model):
    """A user."""

    id: str
    email: str
    role: str
