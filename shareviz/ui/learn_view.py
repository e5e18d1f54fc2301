"""What the Learn page shows: the cards, and one lesson."""

from __future__ import annotations

import csv
import io
from typing import Literal

import streamlit as st

from shareviz.charts.training import seed_dots
from shareviz.lessons import Claim, Lesson, Shown, Verdict, lessons
from shareviz.models import canonical
from shareviz.options import Option, Value
from shareviz.text import clean
from shareviz.training.protocol import RunSpec
from shareviz.training.results import Result
from shareviz.training.saved import saved_run
from shareviz.training.statistics import Comparison
from shareviz.training.tasks import tasks
from shareviz.training.verdict import explained, verdict
from shareviz.ui import frame, library, linked, theme
from shareviz.ui.svlesson import draw_lesson, draw_mini
from shareviz.ui.training_setup import ask_for

KEY = "l"  # in the link: which lesson
ALL = "all"
PILLS = "sv_lesson_pills"
LOOKS: dict[Verdict, tuple[str, Literal["green", "orange", "blue", "red"]]] = {
    Verdict.HOLDS: ("check_circle", "green"),
    Verdict.CONDITION: ("rule", "orange"),
    Verdict.DEPENDS: ("balance", "blue"),
    Verdict.WRONG: ("cancel", "red"),
}


def pick_lesson() -> Lesson | None:
    """Draw the pills and return the chosen lesson, or None for all of them."""
    linked.follow(KEY, PILLS, lessons())
    st.session_state.setdefault(PILLS, ALL)
    chosen = st.pills(
        "Lesson",
        [ALL, *lessons()],
        required=True,
        key=PILLS,
        format_func=lambda name: "All" if name == ALL else short(lessons()[name]),
        label_visibility="collapsed",
    )
    found = lessons().get(chosen or ALL)
    linked.write(KEY, found.name if found else None)
    return found


def short(lesson: Lesson) -> str:
    """Return the first word of a lesson's title: Space."""
    return lesson.title.partition(":")[0]


def draw_cards() -> None:
    """Draw one card for each lesson: picture, title, question, and how the usual claim fares."""
    grid = st.grid(3, min_column_width=260)
    for name, lesson in lessons().items():
        with grid.container(border=True, height="stretch", key=f"sv_card_{name}"):
            draw_mini(lesson.mini, key=f"sv_mini_{name}")
            st.markdown(f"**{theme.plain(lesson.title)}**  \n{theme.plain(lesson.question)}")
            st.markdown(f"“{theme.plain(lesson.claims[0].text)}”")
            st.space("stretch")
            with st.container(horizontal=True, vertical_alignment="center"):
                draw_verdict(lesson.verdict)
                st.space("stretch")
                st.button("Open", key=f"sv_open_{name}", on_click=_open, args=(name,))


def draw_verdict(found: Verdict) -> None:
    """Draw a verdict as icon and word."""
    icon, color = LOOKS[found]
    st.badge(found.value, icon=f":material/{icon}:", color=color)


def draw_turn(option: Option) -> Value:
    """Draw the one control of a lesson and return its value."""
    if option.choices:
        chosen = st.segmented_control(
            option.title,
            list(option.choices),
            default=str(option.default),
            required=True,
            key=option.name,
            help=option.help,
            bind="query-params",
        )
        return option.check(chosen or option.default)
    assert option.low is not None and option.high is not None
    low, high, step = int(option.low), int(option.high), int(option.step)
    found: int = st.slider(
        option.title,
        low,
        high,
        int(option.default),
        step,
        key=option.name,
        help=option.help,
        bind="query-params",
    )
    return found


@st.cache_resource(max_entries=128, show_spinner="Building both models…")
def shown_at(name: str, value: Value) -> Shown:
    """Return a lesson at one value of its turn."""
    return lessons()[name].show(value)


@st.cache_data(max_entries=128, show_spinner="Working it out…")
def _answer(name: str, value: Value) -> tuple[str, str]:
    predict = lessons()[name].predict
    return predict.answer(value), predict.why(value)


def draw_picture(lesson: Lesson) -> tuple[Value, Shown]:
    """Draw the control and both sides; return the value and what it shows."""
    with st.container(border=True):
        value = draw_turn(lesson.option)
        shown = shown_at(lesson.name, value)
        draw_lesson(shown, key=f"sv_lesson_{lesson.name}")
    return value, shown


def draw_prediction(lesson: Lesson, value: Value) -> None:
    """Ask before telling; the answer is computed for the value at hand."""
    with st.container(border=True):
        st.header("Predict first", anchor=False)
        guess = st.radio(
            theme.plain(lesson.predict.question),
            lesson.predict.choices,
            index=None,
            key=f"sv_guess_{lesson.name}",
        )
        flag = f"sv_revealed_{lesson.name}"
        kind: Literal["primary", "secondary"] = "secondary" if guess is None else "primary"
        if st.button("Reveal", key=f"sv_reveal_{lesson.name}", disabled=guess is None, type=kind):
            st.session_state[flag] = True
        if guess is None or not st.session_state.get(flag):
            return
        right, why = _answer(lesson.name, value)
        if guess == right:
            st.markdown(f":material/check_circle: **Right: {_lower(right)}.** {theme.plain(why)}")
        else:
            st.markdown(f":material/cancel: **Not so: {_lower(right)}.** {theme.plain(why)}")


def draw_claims(claims: tuple[Claim, ...]) -> None:
    """Draw what people say, and how it fares."""
    with st.container(border=True, height="stretch" if len(claims) > 1 else "content"):
        st.header("What people say", anchor=False)
        for number, claim in enumerate(claims):
            if number:
                st.divider()
            st.markdown(f"**“{theme.plain(claim.text)}”**")
            draw_verdict(claim.verdict)
            st.markdown(f"{theme.plain(claim.why)}  \nSource: {theme.plain(claim.source)}.")


def draw_breaks(lesson: Lesson) -> None:
    """Draw where the idea stops working."""
    with st.container(border=True, height="stretch"):
        st.header("Where it breaks", anchor=False)
        st.markdown("\n".join(f"- {theme.plain(text)}" for text in lesson.breaks))


def draw_saved(lesson: Lesson) -> None:
    """Draw the saved training run of a lesson, if it has one."""
    result = saved_run(lesson.saved) if lesson.saved else None
    if result is None:
        return
    pair = asked_pair(lesson, result)
    with st.container(border=True):
        st.header(verdict(result, pair), anchor=False)
        st.markdown(f"{theme.plain(lesson.saved_says)} {theme.plain(explained(result, pair))}")
        dots = seed_dots(result, theme=st.context.theme.type or "light")
        st.altair_chart(dots, key=f"sv_saved_{lesson.name}", theme=None, width="stretch")
        with st.container(horizontal=True, vertical_alignment="center"):
            label = f"Saved run, {result.date[:10]}, {clean(result.device or 'CPU', 40)}"
            st.badge(label, icon=":material/history:", color="gray")
            st.space("stretch")
            if st.button("Run it here", icon=":material/play_arrow:", key=f"sv_train_{lesson.name}"):
                ask_for(result.spec if lesson.saved not in tasks() else RunSpec(lesson.saved))
                frame.go("training")


def asked_pair(lesson: Lesson, result: Result) -> Comparison | None:
    """Return the comparison that a lesson's sentence is about; None: the first of the task."""
    if not lesson.pair:
        return None
    version, reference = lesson.pair
    return result.compare(reference, (version,))[0]


def draw_sources(lesson: Lesson, shown: Shown) -> None:
    """Draw the sources, and the way to the map."""
    with st.container(border=True, height="stretch" if len(lesson.claims) == 1 else "content"):
        st.header("Sources", anchor=False)
        st.markdown("\n".join(f"- {theme.plain(text)}" for text in lesson.sources))
        if st.button("Open in Map", icon=":material/grid_view:", key=f"sv_map_{lesson.name}"):
            open_in_map(shown)


def open_in_map(shown: Shown) -> None:
    """Choose the lesson's model and design, and go to the map."""
    frame.set_model(shown.model if shown.model in library.examples() else canonical(shown.model))
    frame.set_design(shown.design)
    frame.go("map")


def numbers_csv(lesson: Lesson, value: Value, shown: Shown) -> bytes:
    """Return the bars of a lesson as CSV."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("lesson", lesson.option.name, "quantity", "counts", "without sharing", "with sharing"))
    for bar in shown.bars:
        table.writerow((lesson.name, value, bar.title, bar.counts, bar.before, bar.after))
    return out.getvalue().encode()


def _open(name: str) -> None:
    st.session_state[PILLS] = name


def _lower(text: str) -> str:
    return theme.plain(text[:1].lower() + text[1:])
