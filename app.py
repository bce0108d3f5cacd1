"""Claimcheck's Chalice app: the surfaces and the triggers, put together."""

from chalice.app import Chalice

from chalicelib.surfaces import health
from chalicelib.surfaces.agents import admin, artifacts, jobs, projects, work  # noqa: F401  they add their routes
from chalicelib.surfaces.agents.surface import surface as agents
from chalicelib.surfaces.builds.routes import surface as builds
from chalicelib.surfaces.files.routes import surface as files
from chalicelib.surfaces.middleware import middleware
from chalicelib.triggers import schedules, stream

app = Chalice(app_name="claimcheck", configure_logs=False)
app.register_middleware(middleware, "http")
for blueprint in (agents, builds, files, health.surface, schedules.triggers, stream.triggers):
    app.register_blueprint(blueprint)
