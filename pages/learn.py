"""What forms of sharing exist, and what is true about them?"""

import streamlit as st

from shareviz.lessons import headline
from shareviz.ui import frame, guide_view, learn_view

frame.required()

view = frame.begin()
guided = guide_view.chosen(view)
lesson = None if guided else learn_view.pick_lesson()
if guided:
    guide_view.draw_guide(view)
elif lesson is None:
    frame.say(
        view,
        headline(),
        "Each with one thing to turn, a question to answer first, and what is true of the usual claim. "
        "The counts are taken from models built on the spot.",
    )
    learn_view.draw_cards()
else:
    value, shown = learn_view.draw_picture(lesson)
    frame.say(view, shown.title, lesson.question)
    left, right = st.columns(2)
    with left:
        learn_view.draw_prediction(lesson, value)
        learn_view.draw_breaks(lesson)
    with right:
        learn_view.draw_claims(lesson.claims)
        if len(lesson.claims) == 1:  # the columns end at about the same height
            learn_view.draw_sources(lesson, shown)
    learn_view.draw_saved(lesson)
    if len(lesson.claims) > 1:
        learn_view.draw_sources(lesson, shown)
    numbers = frame.Export(
        "Numbers (CSV)",
        f"{lesson.name}.csv",
        "text/csv",
        lambda: learn_view.numbers_csv(lesson, value, shown),
    )
    frame.offer(view, [numbers])
