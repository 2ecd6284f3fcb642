"""Neural networks of PyTorch and Keras with one hidden layer, as scikit-learn's estimators, for libraries.py."""

import os
import tempfile
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnx
import torch
from sklearn.base import BaseEstimator

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras  # reads the variable above

HIDDEN, EPOCHS, BATCH, RATE = 32, 60, 64, 0.01


def dense(inputs: Any) -> np.ndarray:
    """Return a table of numbers, which may be sparse, as float32."""
    return np.asarray(inputs.toarray() if hasattr(inputs, "toarray") else inputs, dtype="float32")


class Network(BaseEstimator):
    """What both libraries share; a number is learned in units of its standard deviation."""

    def __init__(self, classifier: bool, random_state: int = 0) -> None:
        """Keep the settings."""
        self.classifier, self.random_state = classifier, random_state

    def fit(self, inputs: Any, truth: np.ndarray) -> Self:
        """Train on batches, in an order that the seed decides."""
        self.classes_ = np.unique(truth) if self.classifier else np.zeros(1)
        self.mean_, self.scale_ = (0.0, 1.0) if self.classifier else (float(truth.mean()), float(truth.std()))
        torch.set_num_threads(1)
        self.learn(dense(inputs), truth if self.classifier else (truth - self.mean_) / self.scale_)
        return self

    def predict(self, inputs: Any) -> np.ndarray:
        """Return the most probable class, or the number."""
        answers = self.answers(dense(inputs))
        return np.asarray(self.classes_[answers.argmax(axis=1)] if self.classifier else answers[:, 0])

    def predict_proba(self, inputs: Any) -> np.ndarray:
        """Return one probability per class."""
        return self.answers(dense(inputs))

    def learn(self, rows: np.ndarray, truth: np.ndarray) -> None:
        """Train on dense *rows*."""
        raise NotImplementedError

    def answers(self, rows: np.ndarray) -> np.ndarray:
        """Return the output of the network."""
        raise NotImplementedError


class Scaled(torch.nn.Module):
    """Turns standard deviations into numbers."""

    def __init__(self, mean: float, scale: float) -> None:
        """Keep both as constants of the graph."""
        super().__init__()
        self.mean, self.scale = mean, scale

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the numbers."""
        return values * self.scale + self.mean


class TorchNetwork(Network):
    """PyTorch."""

    def learn(self, rows: np.ndarray, truth: np.ndarray) -> None:
        """Train with Adam."""
        torch.manual_seed(self.random_state)
        layers = [torch.nn.Linear(rows.shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, len(self.classes_))]
        network = torch.nn.Sequential(*layers)
        inputs, optimizer = torch.from_numpy(rows), torch.optim.Adam(network.parameters(), RATE)
        loss = torch.nn.functional.cross_entropy if self.classifier else torch.nn.functional.mse_loss
        goal = torch.from_numpy(np.asarray(truth) if self.classifier else truth.astype("float32")[:, None])
        for _ in range(EPOCHS):
            for batch in torch.randperm(len(rows)).split(BATCH):
                optimizer.zero_grad()
                loss(network(inputs[batch]), goal[batch]).backward()
                optimizer.step()
        last = torch.nn.Softmax(1) if self.classifier else Scaled(self.mean_, self.scale_)
        self.network_ = torch.nn.Sequential(network, last).eval()

    def answers(self, rows: np.ndarray) -> np.ndarray:
        """Return the output of the network."""
        with torch.no_grad():
            return np.asarray(self.network_(torch.from_numpy(rows)).numpy())

    def to_onnx(self) -> onnx.ModelProto:
        """Return the network as ONNX, for any number of rows."""
        example = (torch.zeros(2, self.network_[0][0].in_features),)
        rows = ({0: torch.export.Dim("rows")},)
        return torch.onnx.export(self.network_, example, dynamo=True, dynamic_shapes=rows, verbose=False).model_proto


class KerasNetwork(Network):
    """Keras on PyTorch."""

    def learn(self, rows: np.ndarray, truth: np.ndarray) -> None:
        """Train with Adam."""
        keras.utils.set_random_seed(self.random_state)
        output = keras.layers.Dense(len(self.classes_), activation="softmax" if self.classifier else None)
        hidden = keras.layers.Dense(HIDDEN, activation="relu")
        last = [] if self.classifier else [keras.layers.Rescaling(self.scale_, self.mean_)]
        self.network_ = keras.Sequential([keras.Input((rows.shape[1],)), hidden, output])
        loss = "sparse_categorical_crossentropy" if self.classifier else "mse"
        self.network_.compile(keras.optimizers.Adam(RATE), loss)
        self.network_.fit(rows, np.asarray(truth), batch_size=BATCH, epochs=EPOCHS, verbose=0)
        self.network_ = keras.Sequential([keras.Input((rows.shape[1],)), hidden, output, *last])
        self.answers(rows[:2])  # a network must be called before it is exported

    def answers(self, rows: np.ndarray) -> np.ndarray:
        """Return the output of the network."""
        return np.asarray(self.network_.predict(rows, batch_size=4096, verbose=0))

    def to_onnx(self) -> onnx.ModelProto:
        """Return the network as ONNX, for any number of rows."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            self.network_.export(path, format="onnx", verbose=False)
            return onnx.load(path)
