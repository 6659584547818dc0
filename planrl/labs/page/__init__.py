"""Labs in a page, which trains without a server.

html          a lab as a piece of a page, which web/lab.js makes live
export        the programs as ONNX files, and the bases that learners start from
runtime       exported programs run by onnxruntime, as a page runs them
recordings    runs made beforehand, for readers who only look; they are in recorded/
"""
