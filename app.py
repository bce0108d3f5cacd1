"""Claimcheck's Chalice app: the triggers, and the surfaces, which are loaded when they are asked for."""

from chalicelib.surfaces.loading import LazyChalice
from chalicelib.surfaces.middleware import middleware
from chalicelib.triggers import schedules, stages, stream, webhooks, websockets

app = LazyChalice("claimcheck", configure_logs=False)
# Chalice packages WebSockets only for those who say so.
app.experimental_feature_flags.add("WEBSOCKETS")
app.register_middleware(middleware, "http")
for blueprint in (schedules.triggers, stages.triggers, stream.triggers, webhooks.triggers, websockets.triggers):
    app.register_blueprint(blueprint)
