"""What would sharing save, and what would it not?"""

import streamlit as st

from shareviz.savings import title_of
from shareviz.ui import frame
from shareviz.ui import savings_view as savings
from shareviz.ui.estimates_view import draw_estimates
from shareviz.ui.savings_controls import pick_preset
from shareviz.ui.savings_exports import savings_exports
from shareviz.ui.starts_view import draw_starts
from shareviz.ui.sweep_view import draw_sweep
from shareviz.ui.ways_view import draw_ways

frame.required()

view = frame.begin()
shown = savings.compared(view)
pick_preset(view, shown)
if why := savings.nothing_to_share(view, shown):
    st.info(why, icon=":material/info:")
left, right = st.columns(2)
with left:
    savings.draw_plan(view, shown)
with right:
    lines = savings.draw_costs(view, shown)
savings.draw_bars(shown)
draw_ways(shown, view.before)
draw_sweep(view, shown)
draw_estimates(view, shown)
draw_starts(view)
frame.say(view, title_of(shown.now.preset.title, shown.before, view.after), savings.said(view, lines))
frame.offer(view, savings_exports(view, shown, lines))
