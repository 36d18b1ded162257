"""What a module or class must hold: the parts of a protocol, and which of them it lacks."""


def lacking(holder: object, contract: type) -> list[str]:
    """List the parts of a protocol that a module or class does not hold."""
    parts = [*vars(contract).get("__annotations__", {}), *vars(contract)]
    return [part for part in parts if not part.startswith("_") and not hasattr(holder, part)]
