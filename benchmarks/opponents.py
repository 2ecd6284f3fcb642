"""What people would build instead of the generated service: servers of the same model, each set up well.

They run in the environment of a project, started in its folder. The first two are sent features that are ready to use,
as the model's pipeline takes them; the last one is sent the rows that our service is sent, and does what it does.
"""

from pathlib import Path
from typing import Any

import bentoml
import pandas
import skops.io
from fastapi import FastAPI
from mlgitops.contract.contract import Contract
from mlgitops.contract.row_schema import request_model
from mlgitops.model.scorer import Scorer
from mlgitops.serving.admission import Message, Receive, Send
from mlgitops.serving.app import Api
from mlgitops.serving.bento import start
from mlgitops.serving.limits import Limits

SAVED = "build/scikit-learn/model.skops"  # benchmarks/pipeline.py writes it


class Pipeline:
    """The scikit-learn pipeline of the model."""

    def __init__(self) -> None:
        """Load it."""
        contract = Contract.of_project()
        self._numbers = {one.name: "float32" for one in contract.features if one.kind == "number"}
        self._model = skops.io.load(SAVED, trusted=skops.io.get_untrusted_types(file=SAVED))

    def predict(self, rows: list[dict[str, Any]]) -> list[float]:
        """Return the probability of each row."""
        frame = pandas.DataFrame(rows).astype(self._numbers)
        found: list[float] = self._model.predict_proba(frame)[:, 1].tolist()
        return found


@bentoml.service(workers=1, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class Bento:
    """BentoML's own way: an API of one Python function."""

    def __init__(self) -> None:
        """Load the pipeline."""
        self._pipeline = Pipeline()

    @bentoml.api
    def predict(self, rows: list[dict[str, Any]]) -> list[float]:
        """Return the probability of each row."""
        return self._pipeline.predict(rows)


class Bare:
    """The limit of our service: an ASGI application that only reads the body, and scores it as our service does."""

    def __init__(self) -> None:
        """Load the exported model."""
        self._api = Api()
        start(self._api, Path("models/export"), Limits())

    async def __call__(self, _scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, whatever its path."""
        body, incomplete = bytearray(), True
        while incomplete:
            message = await receive()
            body += message.get("body", b"")
            incomplete = message.get("more_body", False)
        content = self._api.score(body).content if body else b""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def fastapi_sklearn() -> FastAPI:
    """Return FastAPI with the pipeline, in its thread pool as its handbook says."""
    app, model = FastAPI(), Pipeline()

    @app.post("/predict")
    def predict(rows: list[dict[str, Any]]) -> list[float]:
        return model.predict(rows)

    return app


def fastapi_onnx() -> FastAPI:
    """Return FastAPI with our exported model, our encoding and our model of a request."""
    app, scorer = FastAPI(), Scorer(Path("models/export"))
    row = request_model(scorer.contract)
    names = list(scorer.contract.inputs)

    async def predict(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = scorer.answers({name: [one.get(name) for one in rows] for name in names})
        return answers

    predict.__annotations__["rows"] = list[row]  # type: ignore[valid-type]  # made of the contract
    app.post("/predict")(predict)
    return app
