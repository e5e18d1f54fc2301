"""What is shared with what, and why?"""

import streamlit as st

from shareviz.headline import explanation, headline
from shareviz.ui import cache, frame, theme
from shareviz.ui.detail import draw_detail
from shareviz.ui.highlight import pick_set
from shareviz.ui.mapcards import draw_graph_card, draw_map_card, draw_sets_card
from shareviz.ui.mapexports import map_exports
from shareviz.ui.metrics import draw_counts
from shareviz.ui.textview import draw_text

frame.required()

view = frame.begin()
draw_counts(view.after)
selected = pick_set(view)
left, right = st.columns([1.12, 1])
with left:
    draw_map_card(view, selected)
with right:
    draw_graph_card(view, selected)
draw_sets_card(view, selected)
draw_detail(view, selected)
draw_text(view)
sentence = theme.bold_counts(cache.of(explanation, view.after))
frame.say(view, cache.of(headline, view.after), sentence)
frame.offer(view, map_exports(view))
