"""How the starter model that ships is made, from a general encoder and open corpora, and what it scores.

    python -m mednerapp.training.starter build --corpora CORPORA --init FOLDER --work WORK
    python -m mednerapp.training.starter cross-validate --corpora CORPORA --init FOLDER --work WORK
    mednerapp evaluate --starter --corpora CORPORA

The stages, each kept in WORK and not done twice: `vocabulary` (drop the pieces that medical English never uses),
`pretrained` (guess masked words of open medical texts), `taught` (learn what the other annotated corpora mark). Then
the starter itself learns the labels of the product from MACCROBAT.
"""
