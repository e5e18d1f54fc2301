"""Is the sharing what I meant?"""

from shareviz.checks import title_of
from shareviz.ui import checks_view, frame
from shareviz.ui.compare_view import draw_compare
from shareviz.ui.lost_ties_view import draw_lost_ties
from shareviz.ui.survival_view import draw_survival

frame.required()

view = frame.begin()
findings = checks_view.found(view)
checks_view.draw_findings(view, findings)
checks_view.draw_way_on(findings)
draw_lost_ties(view)
checks_view.draw_asked(view, findings)
checks_view.draw_declared(view.after)
draw_survival(view)
compared = draw_compare(view)
frame.say(view, title_of(findings, view.after), checks_view.sentence(view, findings))
frame.offer(view, [*compared, *checks_view.exports(view, findings)])
