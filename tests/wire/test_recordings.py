"""Recorded conversations with real servers: seen as what they are, and the same however their bytes are cut."""

import json
from pathlib import Path

import pytest

from proxy.wire.exchange import NOTHING, SHAPES
from tests.wire.conversations import Table
from tests.wire.scenarios import SCENARIOS

Said = list[tuple[str, bytes]]

RECORDINGS: dict[str, Said] = {
    f"{path.stem}/{name}": [(side, bytes.fromhex(data)) for side, data in said]
    for path in sorted((Path(__file__).parent / "recordings").glob("*.json"))
    for name, said in json.loads(path.read_text()).items()
}


def played(said: Said) -> Table:
    table = Table()
    for side, data in said:
        table.feed(side, data)
    return table


def test_every_server_and_scenario_is_recorded() -> None:
    assert {name.split("/")[0] for name in RECORDINGS} == {"mariadb-10.11", "mariadb-11.8", "mysql-9.7"}
    assert {name.split("/")[1] for name in RECORDINGS} == set(SCENARIOS)


@pytest.mark.parametrize("name", RECORDINGS)
def test_each_command_is_seen_as_what_it_was(name: str) -> None:
    table = played(RECORDINGS[name])
    server, scenario, _ = name.split("/")
    assert not table.blind
    expected = [seen for step in SCENARIOS[scenario] for seen in (step.seen, *(seen for _, seen in step.more))]
    assert len(table.statements) == len(expected)
    for number, (statement, seen) in enumerate(zip(table.statements, expected, strict=True), 1):
        assert statement.n == number
        for field, value in seen.items():
            if field == "error":
                assert statement.error is not None, number
                assert statement.error.code == value, number
            else:
                assert getattr(statement, field) == value, (number, field)
        if "error" not in seen and not (server.startswith("mysql") and statement.command == 0x0A):
            assert statement.error is None, number
        assert (statement.bytes_out > 0) is (SHAPES[statement.command] != NOTHING)
    assert sum(statement.bytes_out for statement in table.statements) == size_after_login(name, "server")
    if scenario not in ("change-user", "upload"):  # there a command's reply takes more of the client
        assert sum(statement.bytes_in for statement in table.statements) == size_after_login(name, "client")


def size_after_login(name: str, wanted: str) -> int:
    """Return how many bytes one side said in the command phase."""
    table, size = Table(), 0
    for side, data in RECORDINGS[name]:
        size += len(data) if table.logins and side == wanted else 0
        table.feed(side, data)
    return size


@pytest.mark.parametrize("name", RECORDINGS)
def test_all_bytes_pass_unchanged(name: str) -> None:
    """But for the greeting and its answer, whose capability flags are the proxy's to decide."""
    said = RECORDINGS[name]
    table = played(said)
    for side, written in (("server", table.to_client), ("client", table.to_server)):
        sent = b"".join(data for who, data in said if who == side)
        assert len(written) == len(sent)
        first = 4 + int.from_bytes(sent[:3], "little")
        assert written[first:] == sent[first:]


def test_a_reply_is_over_when_the_server_has_said_it() -> None:
    """Nothing is awaited that does not come: after each write of the server the connection is between commands.

    MySQL's answer to an execution after a cursor is the exception: only what follows shows that it was all.
    """
    for name, said in RECORDINGS.items():
        scenario = name.split("/")[1]
        if scenario in ("change-user", "upload", "cursor-then-none"):
            continue
        table = Table()
        for side, data in said:
            table.feed(side, data)
            if side == "server" and table.logins:
                assert table.peer.state != "busy", name


@pytest.mark.parametrize("name", RECORDINGS)
def test_byte_by_byte_is_the_same(name: str) -> None:
    said = RECORDINGS[name]
    assert played([(side, data[i : i + 1]) for side, data in said for i in range(len(data))]).outcome() == (
        played(said).outcome()
    )


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_cut_in_two_is_the_same(name: str) -> None:
    said = RECORDINGS[name]
    whole = played(said).outcome()
    for number, (side, data) in enumerate(said):
        for cut in range(1, len(data)):
            cut_said = [*said[:number], (side, data[:cut]), (side, data[cut:]), *said[number + 1 :]]
            assert played(cut_said).outcome() == whole, (number, cut)
