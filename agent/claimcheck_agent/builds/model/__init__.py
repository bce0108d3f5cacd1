"""Has a project written by a language model, which is asked through an OpenAI-compatible endpoint.

The model first gives a plan, then writes file after file by calls of tools, and may try what it has written. When it
says that it has finished, the tests are run; what fails is told to it, for another round. All that it can touch is the
project's folder, by `tools`; commands see a copy of it, within the limits of `confine`.
"""

from claimcheck_agent.builds.model.settings import Budget, Model
from claimcheck_agent.builds.model.writing import BuildFailed, Written, write

__all__ = ["Budget", "BuildFailed", "Model", "Written", "write"]
