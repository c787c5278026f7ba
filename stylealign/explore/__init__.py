"""`stylealign explore`: a local page to look through aligned models. Only `page` and `serving` import gradio."""
