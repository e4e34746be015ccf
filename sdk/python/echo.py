"""A plugin in Python: `echo` gives back what it gets, `stream` upper-cases text part by part.

The modules of `wit_world` are written by componentize-py, from the contract, when it builds the component.
`componentize-py bindings` writes them for an editor to read.
"""

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import log, streaming
from wit_world.imports.types import (
    Call,
    Failure,
    FailureKind,
    NodeInfo,
    NodeKind,
    PluginInfo,
    Port,
    Ports,
    Value,
    Value_Text,
    ValueKind,
)

VALUE = Port("value", "Any value.", ValueKind.ANY, required=True, streaming=False, schema=None)
TEXT = Port("text", "Text, in parts.", ValueKind.TEXT, required=True, streaming=True, schema=None)

NODES = {
    node.name: node
    for node in [
        NodeInfo(
            name="echo",
            summary="Gives the value that it gets.",
            kind=NodeKind.TRANSFORM,
            ports=Ports(inputs=[VALUE], outputs=[VALUE]),
            config_schema='{"type":"object","additionalProperties":false}',
            pure=True,
        ),
        NodeInfo(
            name="stream",
            summary="Upper-cases text, part by part.",
            kind=NodeKind.TRANSFORM,
            ports=Ports(inputs=[TEXT], outputs=[TEXT]),
            config_schema='{"type":"object","additionalProperties":false}',
            pure=True,
        ),
    ]
}


class Plugin(exports.Plugin):
    """What every plugin exports."""

    def describe(self) -> PluginInfo:
        return PluginInfo(
            name="echo-python",
            version="0.1.0",
            summary="The contract, spoken in Python.",
            nodes=list(NODES.values()),
        )

    def configure(self, node: str, config: str) -> Ports:
        return find(node).ports

    def run(self, call: Call) -> list[tuple[str, Value]]:
        match find(call.node).name:
            case "echo":
                return echo(dict(call.inputs))
            case "stream":
                return stream()


def echo(inputs: dict[str, Value]) -> list[tuple[str, Value]]:
    if "value" not in inputs:
        raise invalid("the input `value` is missing")
    return [("value", inputs["value"])]


def stream() -> list[tuple[str, Value]]:
    count = 0
    wanted = True
    # A failure of the input's producer is raised by `next`, and goes on to the host as this node's own.
    while wanted and (parts := streaming.next("text")):
        for part in parts:
            if not isinstance(part, Value_Text):
                raise invalid("a part of `text` is not text")
            wanted = streaming.emit("text", Value_Text(part.value.upper()))
            count += 1
            if not wanted:
                break
    log.log(log.Level.INFO, f"upper-cased {count} parts")
    # All of the output went its way in parts.
    return []


def find(node: str) -> NodeInfo:
    if node not in NODES:
        raise invalid("there are the nodes `echo` and `stream`, and no other")
    return NODES[node]


def invalid(message: str) -> Err[Failure]:
    """The failure of a node whose input is at fault: to be raised."""
    return Err(Failure(FailureKind.INVALID_INPUT, message, detail=None, retry_after_ms=None))
