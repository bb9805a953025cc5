"""The audit: what is wrong with data, found before training. Healthy data give no findings; nothing is changed.

id                                 severity  when
data-unreadable                    warning   a file is empty, damaged, gone, no regular file, or a link out of the data
data-truncated                     warning   a file ends before its image does
data-wrong-type                    warning   a file with the name of an image is none: a web page saved as .jpg
data-format                        warning   the format of an image is not supported: HEIC, DICOM, raw camera files, SVG
data-bomb                          warning   a header declares more pixels than the limit; the image is not decoded
data-extension                     note      an image has the file extension of another format
data-blank                         warning   all pixels of an image are equal, or differ by slight noise only
data-first-frame                   note      animations, or files of many pages, of which only the first frame is used
data-bits-lost                     note      16-bit files of which only the high byte is read
data-background                    warning   the background of transparent pixels hides what images show
data-cropped                       warning   a square crop cuts off content of many images; a note where it is few
data-thin                          warning   images so wide or tall that hardly any pixels of their shorter side are left
data-scale-by-class                warning   the values of one class are on another scale than others: 12 bits and 16 bits
data-outlier-values                warning   a few pixels set the range of values and leave hardly any contrast to the others
data-nearly-black                  warning   8-bit images of a split or a class have only the values 0 and 1, as masks do
data-duplicates                    warning   images of one split are in it again, pixel for pixel
data-near-duplicates               note      the same for copies that are resized, recompressed, brighter or slightly cropped
data-duplicates-across-splits      stop      images of one split are in another, pixel for pixel: results are too good
data-near-duplicates-across-splits warning   images of one split are in another, nearly the same
data-two-labels                    warning   one image, pixel for pixel, has two labels
data-group-across-splits           stop      images of one group (patient, camera, day) are in two splits
data-size-outliers                 note      images are far larger or smaller than nearly all others
data-aspect-outliers               note      images are far wider or narrower than nearly all others
data-brightness-outliers           note      images are far brighter or darker than nearly all others
data-single-image-class            warning   a class has only one image: it is for training or for the test, not both
data-few-images                    warning   a class has fewer than FEW training images
data-absent-classes                note      classes of several images have none in the val or test split that `train` drew
data-imbalance                     warning   the largest class has more than IMBALANCE times the images of the smallest
data-near-equal-names              warning   class names differ only in case, spaces, Unicode form or leading zeros
data-annotation-faults             warning   boxes or masks are outside of their image, empty, or of an unknown class
data-label-suspects                warning   labels that are probably wrong (confident learning); a note below 1 %
data-more-would-help               note      by a learning curve, twice the data would significantly raise the accuracy
data-files-skipped                 warning   files are unusable, but fewer than stop a run: `train` sums up the first four
augment-mirrored-labels            warning   flips or half turns that are set turn one class into another (`train`, `augment`)
data-shift                         warning   new images are darker, brighter, flatter or grayer than the training images

`audit` is all that `check` looks for, `audit_survey` and `audit_splits` are what `train` looks for in decoded images. Splits
that striate draws keep identical images together. A single class, and more unreadable files than `--max-bad` allows, are
errors and not findings. data-shift and data-more-would-help are found in `analysis`.
"""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
