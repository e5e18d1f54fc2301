"""shareviz in the browser: page configuration and navigation, nothing else."""

import streamlit as st

from shareviz.ui import frame

st.set_page_config(page_icon=str(frame.ASSETS / "favicon.png"), layout="wide")
st.logo(str(frame.ASSETS / "logo.svg"), size="medium")
frame.run(st.navigation(frame.pages(), position="top"))
