"""Claimcheck's Chalice app: the surfaces and the triggers, put together."""

from chalice.app import Chalice

from chalicelib.surfaces import health
from chalicelib.surfaces.agents.routes import surface as agents
from chalicelib.surfaces.builds.routes import surface as builds
from chalicelib.surfaces.files.routes import surface as files
from chalicelib.surfaces.middleware import middleware
from chalicelib.triggers import schedules, stages, stream

app = Chalice(app_name="claimcheck", configure_logs=False)
app.register_middleware(middleware, "http")
for blueprint in (agents, builds, files, health.surface, schedules.triggers, stages.triggers, stream.triggers):
    app.register_blueprint(blueprint)
