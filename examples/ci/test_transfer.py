"""pytest: a program that sends a picture, watched by imgnet. Run with `pytest examples/ci`."""
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def imgnet(tmp_path):
    def run(*command, sent, received):
        arguments = ["imgnet", "capture", "-w", tmp_path / "run.pcapng", "--sent", sent, "--received", received]
        done = subprocess.run([*arguments, "--", *command], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


def test_the_picture_arrives(imgnet, tmp_path):
    picture, received = HERE / "photo.png", tmp_path / "received.png"
    imgnet(sys.executable, HERE / "both.py", picture, received, sent=picture, received=received)
