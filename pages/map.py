"""What is shared with what, and why?"""

from shareviz.headline import explanation, headline
from shareviz.ui import frame

frame.required()

view = frame.begin()
frame.say(view, headline(view.after), explanation(view.after))
