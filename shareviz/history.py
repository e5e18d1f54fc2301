"""Undo and redo: the texts that a design had, the last twenty of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

MOST = 20


@dataclass(frozen=True, slots=True)
class History:
    """The text of now, those before and those undone; `base` is where Reset goes back to."""

    now: str = ""
    base: str = ""
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()

    def then(self, text: str) -> History:
        """Return the history after one more step; a step that changes nothing is none."""
        if text == self.now:
            return self
        return replace(self, now=text, past=(*self.past, self.now)[-MOST:], future=())

    def moved(self, text: str) -> History:
        """Return the history after a step that came from elsewhere, a pill or a link: a new base."""
        return self if text == self.now else replace(self.then(text), base=text)

    def undo(self) -> History:
        """Return the history one step back, or itself where there is none."""
        if not self.past:
            return self
        *past, last = self.past
        return replace(self, now=last, past=tuple(past), future=(self.now, *self.future)[:MOST])

    def redo(self) -> History:
        """Return the history one undone step on, or itself where there is none."""
        if not self.future:
            return self
        first, *future = self.future
        return replace(self, now=first, past=(*self.past, self.now)[-MOST:], future=tuple(future))

    def reset(self) -> History:
        """Return the history back at its base; this can be undone too."""
        return self.then(self.base)
