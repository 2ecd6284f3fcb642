"""Stock HTTP clients of other languages get answers: those that offer HTTP/2 get HTTP/1.1."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import servers
from helpers.pages import blocks
from helpers.support import run

pytestmark = pytest.mark.tools

JAVA = """
import java.net.URI;
import java.net.http.*;
import java.nio.file.*;

public class Ask {
    public static void main(String[] arguments) throws Exception {
        var body = HttpRequest.BodyPublishers.ofFile(Path.of(arguments[1]));
        var request = HttpRequest.newBuilder(URI.create(arguments[0])).header("Content-Type", "application/json");
        var client = HttpClient.newHttpClient();
        for (int turn = 0; turn < 2; turn++) {
            var response = client.send(request.POST(body).build(), HttpResponse.BodyHandlers.ofString());
            System.out.println(response.statusCode() + " " + response.body());
        }
    }
}
"""


@pytest.fixture(scope="module")
def url(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL at which the project's model is served."""
    with servers.scoring(project, tmp_path_factory.mktemp("service")) as url:
        yield url


@pytest.fixture(scope="module", params=[1, 1000])
def body(request: pytest.FixtureRequest, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the reference rows, some times over: in one packet, and in many."""
    rows = json.loads((project / "models/export/golden.json").read_text(encoding="utf-8"))["rows"]
    path = tmp_path_factory.mktemp("rows") / "rows.json"
    path.write_text(json.dumps(rows * request.param), encoding="utf-8")
    return path


def answers(project: Path, body: Path) -> list[dict[str, object]]:
    expected = json.loads((project / "models/export/golden.json").read_text(encoding="utf-8"))["answers"]
    return list(expected * (len(json.loads(body.read_text(encoding="utf-8"))) // len(expected)))


def test_curl_that_offers_http2_gets_answers(project: Path, url: str, body: Path) -> None:
    told = run("curl", "--silent", "--fail", "--http2", "--header", "Content-Type: application/json",
               "--data-binary", f"@{body}", f"{url}/predict", cwd=project)  # fmt: skip
    assert json.loads(told) == answers(project, body)


def test_a_stock_java_client_gets_answers(project: Path, url: str, body: Path, tmp_path: Path) -> None:
    java = shutil.which("java")
    assert java, "install default-jdk-headless, as .ci/run does"
    (tmp_path / "Ask.java").write_text(JAVA, encoding="utf-8")
    told = run(java, "Ask.java", f"{url}/predict", str(body), cwd=tmp_path)
    for line in told.splitlines():
        status, _, content = line.partition(" ")
        assert status == "200"
        assert json.loads(content) == answers(project, body)
    assert len(told.splitlines()) == 2


# The part of ONNX Runtime's classes for Java that the page calls, with the signatures of their documentation.
STUBS = {
    "OrtException": "public class OrtException extends Exception {}",
    "OrtEnvironment": """public class OrtEnvironment {
        public static OrtEnvironment getEnvironment() { return null; }
        public OrtSession createSession(String path, OrtSession.SessionOptions o) throws OrtException { return null; }
    }""",
    "OnnxValue": "public interface OnnxValue { Object getValue() throws OrtException; }",
    "OnnxTensor": """public class OnnxTensor implements OnnxValue, AutoCloseable {
        public static OnnxTensor createTensor(OrtEnvironment e, Object data) throws OrtException { return null; }
        public Object getValue() throws OrtException { return null; }
        public void close() {}
    }""",
    "OrtSession": """public class OrtSession implements AutoCloseable {
        public Result run(java.util.Map<String, ? extends OnnxTensor> inputs) throws OrtException { return null; }
        public void close() throws OrtException {}
        public static class SessionOptions {}
        public static class Result implements AutoCloseable {
            public java.util.Optional<OnnxValue> get(String key) { return null; }
            public void close() {}
        }
    }""",
}


@pytest.mark.nightly
def test_the_java_code_of_the_page_compiles(tmp_path: Path) -> None:
    ((_, code),) = blocks("how-to/other-platforms.md", "Java")
    (tmp_path / "Predict.java").write_text(code, encoding="utf-8")
    for name, stub in STUBS.items():
        (tmp_path / f"{name}.java").write_text(f"package ai.onnxruntime;\n{stub}\n", encoding="utf-8")
    run(
        "javac",
        "-Xlint:all,-serial",
        "-Werror",
        "-d",
        "out",
        *(path.name for path in tmp_path.glob("*.java")),
        cwd=tmp_path,
    )
    assert (tmp_path / "out/Predict.class").is_file()
