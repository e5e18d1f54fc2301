"""The errors a user can meet: what is wrong, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


class SharevizError(Exception):
    """An input that was refused.

    `message` says what is wrong and names the file, tensor or option; `hint` is one
    imperative sentence that says what to do; `code` is a short stable word for scripts.
    """

    def __init__(self, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file that can be opened by its name, and its tensors, None where not counted."""

    name: str
    tensors: int | None = None


class FormatError(SharevizError):
    """A file that cannot be read; the codes are listed in `shareviz.formats`.

    `parts` are those of which one must be picked, () where the error is about something else.
    """

    def __init__(self, message: str, *, code: str, hint: str = "", parts: tuple[Part, ...] = ()) -> None:
        super().__init__(message, code=code, hint=hint)
        self.parts = parts


class OptionError(SharevizError):
    """An option, link or command-line value that is unknown or out of range."""

    def __init__(self, message: str, *, code: str = "option", hint: str = "") -> None:
        super().__init__(message, code=code, hint=hint)


class PlanError(SharevizError):
    """A plan or strategy that cannot apply to this model."""

    def __init__(self, message: str, *, code: str = "plan", hint: str = "") -> None:
        super().__init__(message, code=code, hint=hint)


class TraceError(SharevizError):
    """A forward pass that cannot be followed on the meta device."""

    def __init__(self, message: str, *, code: str = "trace", hint: str = "") -> None:
        super().__init__(message, code=code, hint=hint)
