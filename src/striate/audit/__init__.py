"""The audit: what is wrong with the data, found before any training. Healthy data gives no findings; nothing is changed.

id                                 severity  when
data-unreadable                    warning   a file is empty, refused by the decoder, gone, no regular file, or a link outwards
data-truncated                     warning   a file ends before its image does
data-wrong-type                    warning   a file in an image's place is none: a web page saved as .jpg
data-format                        warning   an image is of a format that is not read: HEIC, DICOM, raw camera files, SVG
data-bomb                          warning   a header declares more pixels than the limit; nothing was decoded
data-extension                     note      an image of one format has the file name of another
data-blank                         warning   all pixels of an image are equal, or differ by little and by noise alone
data-first-frame                   note      animations, or files of many pages, of which the first frame is used
data-bits-lost                     note      16-bit files of which only the high byte can be read
data-background                    warning   the background of transparent parts hides what images show
data-cropped                       warning   a square cuts much of the images off, which holds content; a note of a few images
data-thin                          warning   images so wide or tall that next to nothing is left of their shorter side
data-scale-by-class                warning   the values of one class are on another scale than those of others: 12 bits beside 16
data-outlier-values                warning   a few pixels set the range of values, and leave hardly any contrast to the others
data-nearly-black                  warning   8-bit images of a split or a class hold the values 0 and 1 alone, as masks do
data-duplicates                    warning   images of one part are there again in it, pixel for pixel
data-near-duplicates               note      the same for copies that are resized, recompressed, brighter or cropped a little
data-duplicates-across-parts       stop      images of one part are, pixel for pixel, in another: the results flatter
data-near-duplicates-across-parts  warning   images of one part are in another, nearly the same
data-two-labels                    warning   one image, pixel for pixel, is under two labels
data-group-across-parts            stop      images of one group (patient, camera, day) are in two parts
data-size-outliers                 note      images are far larger or smaller than nearly all others
data-aspect-outliers               note      images are far wider or narrower than nearly all others
data-brightness-outliers           note      images are far brighter or darker than nearly all others
data-single-image                warning   a class has one image in all: it is learned or tested, not both
data-few-images                  warning   a class has fewer than FEW images to learn from
data-absent-classes                note      classes of several images have none in the val or test that `train` drew
data-imbalance                     warning   the largest class has more than IMBALANCE times the images of the smallest
data-near-equal-names              warning   classes have names that differ in case, spaces, Unicode form or leading zeros alone
data-annotation-faults             warning   boxes or masks lie outside of their image, are empty, or are of no known class
data-label-suspects                warning   labels that a network is sure are others (confident learning); a note where below 1 %
data-more-would-help               note      a learning curve says that twice the data would surely help
data-files-skipped               warning   files could not be used, yet fewer than stop a run: what `train` says of the first four
augment-mirrored-labels            warning   flips or half turns, asked for, make one class another (`train`, `augment`)
data-shift                         warning   new images are darker, brighter, flatter or grayer than the training's (analysis.shift)

`check_data` is the quick part, on decoded images, that `train` runs: data-files-skipped, the three on classes,
data-near-equal-names, data-two-labels, data-nearly-black, and data-duplicates-across-parts. Parts that striate draws
keep equal images together.
A single class, and more bad files than `--max-bad` allows, are errors and no findings: nothing can be learned then.
"""

from striate.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
