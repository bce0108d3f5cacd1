"""The files contract's surface, to which the modules beside this one add their routes."""

from chalicelib.surfaces.surface import Surface

from .errors import envelope

surface = Surface(__name__, envelope=envelope)
