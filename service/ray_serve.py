"""The application as a Ray Serve deployment: `serve run service.ray_serve:app`. An optional extra.

The settings are those of `text-eraser serve`, from the environment of the command, and go to every replica, wherever it
is; a replica has two slots unless `TEXT_ERASER_SLOTS` says otherwise, and asks the cluster for that many processors.
"""

from __future__ import annotations

import math
import os
from typing import Any

from ray import serve

from service.app import build_eraser, create_app, open_store
from service.host import give_back_memory, use_one_heap
from service.settings import Settings

SLOTS = 2
MAX_REPLICAS = 10
GRACE_S = 5
"""Seconds beyond the deadline that a stopping replica has for its last answers."""

PREFIX = Settings.model_config["env_prefix"]

given = Settings()
settings = given.model_copy(update={"slots": given.slots or SLOTS})


def build() -> Any:
    """The application, on a replica: it takes requests once every graph is verified and warm."""
    use_one_heap()
    store = open_store(settings)
    return create_app(settings, eraser=build_eraser(settings, store), store=store, at_rest=give_back_memory)


deployment = serve.deployment(
    serve.ingress(build)(),
    name="text-eraser",
    ray_actor_options={
        "num_cpus": settings.slot_count * settings.intra_threads,
        # A replica reads them again where it stands; a cluster does not hand on the environment of a command.
        "runtime_env": {"env_vars": {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}},
    },
    # As many as a replica works on and lets wait: it refuses none that it is given. The proxies hold as many again, so
    # that a new replica finds work; whoever comes then is answered 503 there.
    max_ongoing_requests=settings.slot_count + settings.queue_size,
    max_queued_requests=settings.slot_count + settings.queue_size,
    autoscaling_config={
        "min_replicas": 1,
        "max_replicas": MAX_REPLICAS,
        "target_ongoing_requests": settings.slot_count,
        "upscale_delay_s": 5,
        "downscale_delay_s": 300,
    },
    health_check_period_s=2,
    health_check_timeout_s=10,
    graceful_shutdown_timeout_s=math.ceil(settings.deadline_s) + GRACE_S,
)
app = deployment.bind()
