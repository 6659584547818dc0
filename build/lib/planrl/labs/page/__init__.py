"""Labs in a page, which trains without a server.

html          a lab as a piece of a page, which web/lab.js makes live
export        the programs as ONNX files, and the base models that learners start from
runtime       exported programs run by onnxruntime, as a page runs them
recordings    recorded runs, which a page shows before training; they are in recorded/
player        recorded runs as a picture that plays, which web/player.js does
hero          the recorded runs of the book's first picture, and hero_html: that picture
"""
