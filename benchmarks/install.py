"""Make the environments of the engines that Galerne is compared with: `make peers`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv

from benchmarks.peers import LLAMA_CPP, OPENVINO, PEERS, Peer


def install(peer: Peer) -> None:
    """Make the peer's environment, unless it is there."""
    if peer.python.exists():
        print(f"{peer.name}: is in {peer.folder} already")
        return
    print(f"{peer.name}: installing into {peer.folder}", flush=True)
    venv.create(peer.folder, with_pip=True)
    try:
        for requirements in peer.requirements:
            _pip(peer, "install", *requirements)
        if peer.surplus:
            _pip(peer, "uninstall", "--yes", *peer.surplus)
    except BaseException:
        (peer.folder / "bin" / "python").unlink()  # half an environment must not pass for a whole one
        raise


def _pip(peer: Peer, verb: str, *arguments: str) -> None:
    environment = os.environ | {name: value for name, value in peer.build.items() if value}
    subprocess.run([peer.python, "-m", "pip", verb, "--quiet", *arguments], env=environment, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peers", nargs="*", choices=[[], *PEERS], help="by default the two fastest ones")
    for name in parser.parse_args().peers or (LLAMA_CPP.name, OPENVINO.name):
        try:
            install(PEERS[name])
        except subprocess.CalledProcessError as error:
            sys.exit(f"{name}: pip ended with {error.returncode}; see above.")


if __name__ == "__main__":
    main()
