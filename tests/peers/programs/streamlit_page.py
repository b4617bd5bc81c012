"""An application of Streamlit's: what a button does shows in the page, by way of its WebSocket."""

import streamlit

streamlit.title("A page")
if streamlit.button("press"):
    streamlit.write("was pressed")
