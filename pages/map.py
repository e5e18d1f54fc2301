"""What is shared with what, and why?"""

from shareviz.headline import explanation, headline
from shareviz.ui import cache, frame, theme
from shareviz.ui.detail import draw_detail
from shareviz.ui.highlight import pick_set
from shareviz.ui.mapcards import draw_pictures, draw_sets_card
from shareviz.ui.mapexports import map_exports
from shareviz.ui.metrics import draw_counts
from shareviz.ui.textview import draw_text

frame.required()

view = frame.begin()
draw_counts(view.after)
selected, found = pick_set(view)
draw_pictures(view, selected, found)
draw_sets_card(view, selected, found)
draw_detail(view, selected)
draw_text(view)
sentence = theme.bold_counts(cache.of(explanation, view.after))
frame.say(view, cache.of(headline, view.after), sentence)
frame.offer(view, map_exports(view))
