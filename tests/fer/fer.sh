#!/bin/sh
# The program fer from outside: what it writes, how it stops, how it goes on, what it refuses.
set -u
fer=${OCTET_BUILD_DIR:?expected the build folder}/examples/fer
if [ ! -x "$fer" ]; then
  echo "skipped: $fer is not there, because CLI11 or stb_image was not found"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

die() {
  echo "FAILED: $1"
  [ -f out ] && cat out
  [ -f err ] && cat err
  exit 1
}
# accepts COMMAND...: exit code 0.
accepts() {
  "$@" > out 2> err || die "expected exit code 0 from $*"
}
# refuses TEXT COMMAND...: exit code 2, and a message with TEXT on stderr.
refuses() {
  expected=$1
  shift
  "$@" > out 2> err
  code=$?
  [ $code -eq 2 ] || die "expected exit code 2 from $*, got $code"
  grep -qF -- "$expected" err || die "expected \"$expected\" in the message of $*"
}
prints() {
  grep -qF -- "$1" out || die "expected \"$1\" in the output"
}

# Kaggle's columns, random pixels, brighter from class to class.
awk 'BEGIN {
  srand(7)
  print "emotion,pixels,Usage"
  for (i = 0; i < 98; ++i) {
    printf "%d,", i % 7
    for (k = 0; k < 2304; ++k) printf "%s%d", k ? " " : "", int(rand() * 120) + 18 * (i % 7)
    printf ",%s\n", i < 70 ? "Training" : i < 84 ? "PublicTest" : "PrivateTest"
  }
}' > faces.csv

train() {
  folder=$1
  shift
  "$fer" train --data faces.csv --model lenet --epochs 12 --batch 8 --checkpoint-every 1 \
    --out "$folder" "$@"
}
# The same in place of the shell that calls it, so that a signal to that shell reaches fer.
train_here() {
  exec "$fer" train --data faces.csv --model lenet --epochs 12 --batch 8 --checkpoint-every 1 \
    --out "$@"
}
# waits_for FILE: until the training with the id $pid, in the background, has written it.
waits_for() {
  while [ ! -e "$1" ]; do
    kill -0 $pid 2> /dev/null || die "expected a training that runs until it has written $1"
    sleep 0.02
  done
}
# resumes SIGNAL CODE FOLDER WHOLE OPTION...: a training that a signal ends, with this exit code,
# after its first checkpoint, and that goes on to the same weights as the uninterrupted one in WHOLE.
resumes() {
  signal=$1
  expected=$2
  folder=$3
  whole=$4
  shift 4
  train_here "$folder" "$@" > out 2> err &
  pid=$!
  waits_for "$folder/checkpoint.safetensors"
  kill -"$signal" $pid
  wait $pid 2> /dev/null
  code=$?
  [ $code -eq "$expected" ] || die "expected exit code $expected after SIG$signal, got $code"
  [ ! -f "$folder/model.safetensors" ] || die "expected to interrupt it before its end"
  [ "$signal" = KILL ] || prints "the state is saved: give --resume"
  accepts train "$folder" --resume "$@"
  prints "continuing at epoch"
  for file in model best; do
    cmp "$whole/$file.safetensors" "$folder/$file.safetensors" ||
      die "SIG$signal changed the weights in $file.safetensors"
  done
}

{
  printf 'P5\n96 72\n255\n'
  head -c 6912 /dev/zero | tr '\0' 'x'
} > face.pgm

echo "training, with one thread, two and four"
accepts train one --threads 1
prints "last weights, test: accuracy"
prints "best weights"
for file in model best checkpoint; do
  [ -s one/$file.safetensors ] || die "expected one/$file.safetensors"
done
[ "$(wc -l < one/history.csv)" -eq 13 ] || die "expected a header and 12 epochs in history.csv"
[ "$(sed -n 2p one/history.csv | cut -d , -f 1)" = 1 ] || die "expected epochs from 1 in history.csv"
prints "epoch 1/12 step 1/9"
if LC_ALL=C grep -q "$(printf '[\r\033]')" out; then
  die "expected plain lines where the output is no terminal"
fi
for threads in 2 4; do
  accepts train threads$threads --threads $threads
  for file in model best; do
    cmp one/$file.safetensors threads$threads/$file.safetensors ||
      die "$threads threads changed the weights in $file.safetensors"
  done
done
accepts train bf16 --precision bf16 --threads 1
if ! grep -qF "WARNING: bf16" out; then
  cmp -s one/model.safetensors bf16/model.safetensors && die "bf16 changed no bit"
fi
accepts train bf16threads --precision bf16 --threads 2
cmp bf16/model.safetensors bf16threads/model.safetensors || die "threads changed the bf16 weights"

echo "interrupted and resumed"
resumes KILL 137 killed one
resumes TERM 143 terminated one
resumes HUP 129 hungup one
resumes INT 130 interrupted one
resumes KILL 137 bf16killed bf16 --precision bf16

echo "after the training a signal ends the program as usual"
head -n 1 faces.csv > many.csv
grep 'Training$' faces.csv >> many.csv
grep 'PublicTest$' faces.csv >> many.csv
grep 'PrivateTest$' faces.csv > rows.csv
for i in 1 2 3 4 5 6 7; do
  cat rows.csv rows.csv > twice.csv
  mv twice.csv rows.csv
done
cat rows.csv >> many.csv
"$fer" train --data many.csv --model shallow_cnn --epochs 1 --threads 1 --out many > out 2> err &
pid=$!
waits_for many/model.safetensors
sleep 0.1
kill -TERM $pid
wait $pid 2> /dev/null
code=$?
[ $code -eq 143 ] || die "expected exit code 143 after SIGTERM while models are judged, got $code"
rm many.csv rows.csv

echo "mistakes on the command line"
refuses "there is no option --dta" "$fer" train --dta faces.csv --out bad
refuses 'there is no option --epoch; did you mean "--epochs"?' "$fer" train --epoch 3
refuses "expected a command (train, eval" "$fer" --data faces.csv train
refuses 'got "trian"; did you mean "train"?' "$fer" trian --data faces.csv
refuses 'got "resnet"; did you mean "resnet9"?' train bad --model resnet
refuses 'got "zzz" (fer train' train bad --optimizer zzz
refuses "--epochs: expected a value, got none" train bad --epochs
refuses "--epochs: expected once, got it several times" train bad --epochs 3
refuses 'expected no more, got "more"' train bad more
refuses "expected at least" "$fer" train --data faces.csv --clip-norm -1 --out bad
[ "$(wc -l < err)" -eq 1 ] || die "expected one line"

refuses "--model: expected no --from" train bad --from one/best.safetensors
for option in "--width 2" "--contempt no"; do
  # The option is two words.
  # shellcheck disable=SC2086
  refuses "${option% *}: expected no --from" "$fer" train --data faces.csv \
    --from one/best.safetensors $option --out bad
done
[ ! -e bad ] || die "a folder was made"

echo "a training is not overwritten, nor resumed with other settings"
refuses "holds a training already" train one
refuses "expected one of them, got both" train one --resume --overwrite
refuses "batch" "$fer" train --data faces.csv --model lenet --epochs 12 --batch 9 --out one --resume
refuses "seed" train one --resume --seed 5
refuses 'now it is "18446744073709551615"' train one --resume --seed 18446744073709551615
sed '2s/,[0-9]* /,255 /' faces.csv > other.csv
refuses "trained with other training images" "$fer" train --data other.csv --model lenet --epochs 12 \
  --batch 8 --checkpoint-every 1 --out one --resume
awk -F, -v OFS=, 'NR > 1 { $1 = ($1 + 1) % 7 } 1' faces.csv > other.csv
refuses "trained with other training images or labels" "$fer" train --data other.csv --model lenet \
  --epochs 12 --batch 8 --checkpoint-every 1 --out one --resume
mkdir onlybest
cp one/best.safetensors onlybest
refuses "no checkpoint to go on from: give --overwrite" train onlybest --resume
grep -q "starting anew" out && die "expected no word of a training that never began"
accepts train one --resume
prints "the training was complete after epoch 12"
prints "last weights, test: accuracy"

echo "two trainings do not share a folder"
"$fer" train --data faces.csv --model lenet --epochs 100000 --checkpoint-every 1 --out busy \
  > busy.log 2>&1 &
pid=$!
waits_for busy/checkpoint.safetensors
for option in "" --overwrite --resume; do
  # Without an option there is no word.
  # shellcheck disable=SC2086
  refuses "another fer train is writing to busy" train busy $option
done
refuses "another fer train is writing to busy" "$fer" demo --out busy
grep -q "epoch" out && die "expected no training beside another one"
kill -0 $pid || die "expected the first training to go on"
kill -KILL $pid
wait $pid 2> /dev/null
accepts train busy --overwrite

echo "weight decay is that of the optimizer"
for options in "adam" "adamw" "adamw --weight-decay 0.01" "adamw --weight-decay 0"; do
  # The options are several words.
  # shellcheck disable=SC2086
  accepts "$fer" train --data faces.csv --model lenet --epochs 1 --batch 8 --overwrite \
    --out little --optimizer $options
  mv little/model.safetensors "$options.safetensors"
done
cmp "adamw.safetensors" "adamw --weight-decay 0.01.safetensors" || die "expected 0.01 with adamw"
cmp "adam.safetensors" "adamw --weight-decay 0.safetensors" || die "expected adam without decay"
cmp -s "adam.safetensors" "adamw.safetensors" && die "expected adamw to be another than adam"

echo "a training goes on from a model"
onward() {
  "$fer" train --data faces.csv --epochs 1 --batch 8 --out onward "$@"
}
accepts onward --from one/best.safetensors
cp one/best.safetensors copied.safetensors
accepts onward --from copied.safetensors --resume
accepts "$fer" info onward/checkpoint.safetensors
grep -qE "model shallow_cnn|width|momentum" out && die "expected no settings that were not used"
cp adam.safetensors copied.safetensors
refuses "with from = " onward --from copied.safetensors --resume
refuses "--from: expected a file that the training does not replace" \
  onward --from onward/../onward/best.safetensors --overwrite
[ -f onward/best.safetensors ] || die "the model was removed"

echo "the demo's messages are of use to who runs it"
refuses "give another folder" "$fer" demo --out one
cp -r one demo
refuses "give another folder" "$fer" demo
cmp one/model.safetensors demo/model.safetensors || die "a training was replaced"
rm -r demo
refuses "--out: expected a folder, but faces.csv is a file" "$fer" demo --out faces.csv
[ ! -s out ] || die "expected no heading of a demo that never began"
grep -q -e --resume -e --overwrite err && die "fer demo has neither --resume nor --overwrite"
for time in first second; do
  "$fer" demo > out 2> err &
  pid=$!
  until grep -q "epoch 1/4 step" out; do
    kill -0 $pid 2> /dev/null || die "expected a demo that trains, the $time time"
    sleep 0.02
  done
  kill -INT $pid
  wait $pid
  code=$?
  [ $code -eq 130 ] || die "expected exit code 130 from an interrupted demo, got $code"
  prints "fer demo begins anew"
  grep -q -e --resume out && die "fer demo has no --resume"
done

echo "a loss that is not finite"
refuses "first seen in" "$fer" train --data faces.csv --model shallow_cnn --width 0.0625 \
  --batch 8 --checkpoint-every 1 --optimizer sgd --schedule constant --max-lr 100 --out nan
grep -q "step" err || die "expected the step in the message"
grep -q "the last good checkpoint, after step [0-9]*, is kept" err || die "expected its step"
[ -f nan/checkpoint.safetensors ] || die "expected the last good checkpoint"
[ ! -f nan/model.safetensors ] || die "expected no model of a training that broke"

echo "evaluation, quantization, prediction"
accepts "$fer" eval one/best.safetensors --data faces.csv
prints "14 images"
refuses "none.safetensors: cannot be read" "$fer" eval one/none.safetensors --data faces.csv
accepts "$fer" quantize one/best.safetensors --data faces.csv --calibrate 32 --out int8.safetensors
for text in "SQNR" "| float32 " "| float16 weights" "| int8 " "McNemar" "batch 64"; do
  prints "$text"
done
[ "$(wc -c < int8.safetensors)" -lt "$(wc -c < one/best.safetensors)" ] || die "int8 is not smaller"
accepts "$fer" quantize one/best.safetensors --data faces.csv --calibrate 32 --range entropy \
  --out entropy.safetensors
prints "ranges after fewer images: how far they are from the final ones"

accepts "$fer" quantize one/best.safetensors --data faces.csv --calibrate 32 --out int8.safetensors \
  --report page.html
prints "| int8 weights "
prints "report: page.html"
grep -qF "<h1>lenet in int8</h1>" page.html || die "expected the network's name in the page"
grep -qF "On 14 images of test in faces.csv" page.html || die "expected the images' origin in the page"
grep -qF '"name":"float16 weights","images":14' page.json || die "expected the forms in the JSON"
accepts "$fer" quantize one/best.safetensors --data faces.csv --calibrate 32 --out int8.safetensors \
  --report page.html
prints "written: int8.safetensors (int8); next:"
for foreign in page.html page.json; do
  cp $foreign own
  echo "notes of mine" > $foreign
  refuses "is something else" "$fer" quantize one/best.safetensors --data faces.csv \
    --out q.safetensors --report page.html
  grep -qF "notes of mine" $foreign || die "a foreign $foreign was replaced"
  mv own $foreign
done
rm page.html page.json
refuses "fer: --report: expected a path that ends in .html" "$fer" quantize one/best.safetensors --data faces.csv \
  --out q.safetensors --report page.pdf
refuses "nowhere/page.html: cannot be written" "$fer" quantize one/best.safetensors \
  --data faces.csv --out q.safetensors --report nowhere/page.html
refuses "--report: expected other files than" "$fer" quantize one/best.safetensors \
  --data faces.csv --out page.json --report page.html
[ ! -e q.safetensors ] || die "a program was written before its report was looked at"

echo "the doctor of int8 programs"
accepts "$fer" quantize one/best.safetensors --data faces.csv --calibrate 32 --doctor \
  --out treated.safetensors --report treated.html
grep -q "<h2>The doctor</h2>" treated.html && grep -q '"doctor":{"images":14' treated.json ||
  die "the report does not say what the doctor did"
for text in "judges by the 14 images of validation" "what each layer costs" "ranges: entropy" \
  "bias correction" "learned rounding" "applied: " "int8 after" "| int8 "; do
  prints "$text"
done
accepts "$fer" quantize one/best.safetensors --data faces.csv --calibrate 32 --rounding learned \
  --keep-float conv2d_2,linear_1 --out rounded.safetensors
prints "weights not rounded to nearest"
prints "float32: conv2d_2, linear_1"
refuses '--keep-float: expected one of conv2d_1, ' "$fer" quantize one/best.safetensors \
  --data faces.csv --keep-float conv9 --out rounded.safetensors

for form in int8_weights float16_weights; do
  accepts "$fer" quantize one/best.safetensors --data faces.csv --form $form --out $form.safetensors
  prints "written: $form.safetensors ($form)"
  accepts "$fer" info $form.safetensors
  prints "float32 program with $(echo $form | tr _ ' ') of lenet"
  accepts "$fer" predict $form.safetensors face.pgm
done
for option in --doctor "--rounding learned" "--calibrate 100" "--range mse" "--keep-float conv2d_1"; do
  # The option is several words.
  # shellcheck disable=SC2086
  refuses "${option%% *}: expected --form int8" "$fer" quantize one/best.safetensors \
    --data faces.csv --form int8_weights --out q.safetensors $option
done
refuses "--rounding: expected no --doctor" "$fer" quantize one/best.safetensors --data faces.csv \
  --doctor --rounding learned --out q.safetensors
[ "$(wc -c < int8_weights.safetensors)" -lt "$(wc -c < float16_weights.safetensors)" ] ||
  die "int8 weights are not smaller"
refuses "emit the program that they were made from" "$fer" emit int8_weights.safetensors \
  --out weights.hpp

echo "training for int8"
accepts "$fer" train --data faces.csv --from one/best.safetensors --qat --epochs 2 --batch 8 --out qat
prints "int8.safetensors: the best weights as an int8 program"
prints "agree on 14 of 14 labels, and on every bit of all 98 logits"
for model in best int8; do
  accepts "$fer" eval qat/$model.safetensors --data faces.csv
  grep -o "accuracy.*" out > $model.accuracy
done
accepts "$fer" eval one/best.safetensors qat/int8.safetensors qat/best.safetensors --data faces.csv
for text in "on 14 images of test" "changed answers against one/best.safetensors" "McNemar" "batch 64"; do
  prints "$text"
done
[ "$(grep "| qat/int8" out | head -n 1 | cut -d'|' -f3-7)" = \
  "$(grep "| qat/best" out | head -n 1 | cut -d'|' -f3-7)" ] || die "one network, two accuracies"
cmp best.accuracy int8.accuracy || die "the graph and its program are of different accuracy"
refuses "--scales: expected --qat" "$fer" train --data faces.csv --scales learned --out bad
refuses "a program that only runs" "$fer" train --from int8.safetensors --data faces.csv --out bad
[ ! -e bad ] || die "expected no folder of a training that never began"
for file in best checkpoint; do
  refuses "trained in float32" "$fer" quantize qat/$file.safetensors --data faces.csv \
    --out q.safetensors
done
accepts "$fer" info qat/checkpoint.safetensors
prints "checkpoint of a training for int8"
prints "after epoch 2 of 2"
cp -r qat aware
accepts train aware --overwrite
[ ! -e aware/int8.safetensors ] || die "expected no int8 program of an older training"
mkdir beside
cp int8.safetensors beside
accepts train beside
cmp int8.safetensors beside/int8.safetensors || die "a program was removed that nobody had replaced"
accepts "$fer" eval int8.safetensors --data faces.csv --split validation
accepts "$fer" info qat/best.safetensors
grep -q "^average_pool_1.fake_quantize " out || die "expected a long name"
[ "$(awk '/^layer / { print index($0, " type") }' out)" = \
  "$(awk '/^average_pool_1.fake_quantize / { print index($0, " " $2) }' out)" ] ||
  die "expected columns"
accepts "$fer" info one/best.safetensors
prints "trained network (graph, float32) of lenet"
prints "conv2d_1"
accepts "$fer" info one/checkpoint.safetensors
prints "checkpoint of a training"
prints "after epoch 12 of 12"
accepts "$fer" info int8.safetensors
prints "int8 program of lenet"
cp one/best.safetensors kept.safetensors
refuses "expected another file than the model" "$fer" quantize one/best.safetensors \
  --data faces.csv --out ./one/../one/best.safetensors
cmp one/best.safetensors kept.safetensors || die "the model was overwritten"
for target in faces.csv one/model.safetensors; do
  refuses "is something else" "$fer" quantize one/best.safetensors --data faces.csv --out $target
done
for model in one/best.safetensors int8.safetensors; do
  accepts "$fer" predict $model face.pgm
  prints "Surprise"
  prints "ms"
done
cp face.pgm "$(printf 'two\nlines.pgm')"
accepts "$fer" predict int8.safetensors "$(printf 'two\nlines.pgm')"
prints 'two\x0Alines.pgm (96 x 72): '

echo "emission"
accepts "$fer" emit int8.safetensors --out face.hpp --namespace face
prints "bytes of static memory"
refuses "expected another file than the model" "$fer" emit int8.safetensors --out int8.safetensors
for name in "a b" class a::int std; do
  refuses "the name of a namespace" "$fer" emit int8.safetensors --out face.hpp --namespace "$name"
done
refuses "cannot be written" "$fer" emit int8.safetensors --out nowhere/face.hpp
cp faces.csv kept.csv
refuses "is something else" "$fer" emit int8.safetensors --out kept.csv
cmp faces.csv kept.csv || die "a file that is no header was replaced"
accepts "$fer" emit int8.safetensors --out face.hpp --namespace face
cp int8.safetensors kept.safetensors
refuses "--json: expected another file" "$fer" bench int8.safetensors --json int8.safetensors
cmp int8.safetensors kept.safetensors || die "the model was overwritten"
for target in faces.csv one/model.safetensors half.json; do
  [ -e $target ] || echo '{"float32_milliseconds":1}' > $target
  cp $target kept
  refuses "--json: expected a new file" "$fer" bench lenet --json $target
  cmp $target kept || die "$target was replaced"
done
refuses "got an empty path" "$fer" bench lenet --json ""
refuses "expected a model file or a network of the zoo (lenet" "$fer" bench lenett
grep -qF 'got "lenett"; did you mean "lenet"?' err || die "expected a suggestion"
refuses "wrong.csv" "$fer" train --data wrong.csv --out deep/er/folder
[ ! -e deep ] || die "expected no folder of a training that never began"
cat > firmware.cpp << 'C'
#include "face.hpp"
int main() {
  float probabilities[face::output_size];
  const int best = face::predict(face::constants::golden_pixels, probabilities);
  return face::self_test() && best >= 0 && probabilities[best] > 0 ? 0 : 1;
}
C
accepts "${CXX:-c++}" -std=c++17 -O1 -Wall -Wextra -Wpedantic -Werror firmware.cpp -o firmware
accepts ./firmware

echo "votes, folds by subject, mixed images"
awk 'BEGIN {
  print "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
  for (i = 0; i < 98; ++i)
    printf "%s,fer%d.png,1,%d,0,%d,3,0,0,2,0,0\n",
      i < 70 ? "Training" : i < 84 ? "PublicTest" : "PrivateTest", i, i % 7, 6 - i % 7
}' > votes.csv
accepts "$fer" train --data faces.csv --votes votes.csv --contempt yes --mixup 0.2 --model lenet \
  --epochs 1 --out votes
accepts "$fer" eval votes/best.safetensors --data faces.csv --votes votes.csv
prints "Contempt"
refuses "mixup" "$fer" train --data faces.csv --votes votes.csv --contempt yes --model lenet \
  --epochs 1 --out votes --resume
{
  printf '\357\273\277'
  sed '$d' votes.csv
} > fewer.csv
refuses "fewer.csv: ferplus: expected the votes of as many images as FER2013 has in PrivateTest, 14, got 13" \
  "$fer" train --data faces.csv --votes fewer.csv --out x
mkdir -p people/CK+48/happy people/CK+48/anger
for subject in 005 010 011 014; do
  for frame in 1 2 3; do
    tr x "${subject#0?}" < face.pgm > people/CK+48/happy/S${subject}_001_0000000$frame.pgm
    cp people/CK+48/happy/S${subject}_001_0000000$frame.pgm \
      people/CK+48/anger/S${subject}_002_0000000$frame.pgm
  done
done
accepts "$fer" train --data people --folds 4 --fold 4 --cutmix 1 --model lenet --epochs 1 --out people4
prints "12 images to train on, 6 to validate with, 6 to test with"
prints "fold 4 of 4"
accepts "$fer" eval people4/best.safetensors --data people/CK+48
prints "6 images"
accepts "$fer" eval people4/best.safetensors --data people --split all
prints "24 images"
refuses "expected 4 of 4" "$fer" eval people4/best.safetensors --data people --fold 2
accepts "$fer" train --data people --folds 4 --fold 1 --model lenet --epochs 1 --out people1
refuses "people1/best.safetensors: expected to be judged by fold 1 of 4" \
  "$fer" eval people4/best.safetensors people1/best.safetensors --data people
accepts "$fer" train --data faces.csv --from people4/best.safetensors --epochs 1 --out people_and_faces
grep -q "nobody is in two" out && die "expected no word of folds where there are none"
accepts "$fer" info people_and_faces/best.safetensors
prints "learned from CK+ without fold 4 of 4"
refuses "the number of subjects" "$fer" train --data people --folds 5 --out x
refuses "--fold: expected at most 4" "$fer" train --data people --folds 4 --fold 5 --out x
refuses "--fold: expected CK+" "$fer" train --data faces.csv --fold 2 --out x
refuses "--votes: expected a fer2013.csv" "$fer" train --data people --votes votes.csv --out x
refuses "--contempt: expected CK+" "$fer" train --data faces.csv --contempt yes --out x
refuses "--mixup and --cutmix" "$fer" train --data faces.csv --mixup 1 --cutmix 1 --out x

echo "a folder without test images, and one without some of the classes"
for class in angry calm happy; do
  mkdir -p small/$class
  for i in 0 1 2 3 4 5 6 7; do
    tr x "$i" < face.pgm > small/$class/$i.pgm
  done
done
accepts "$fer" train --data small --model lenet --epochs 1 --out little --overwrite
prints "validation: accuracy"
grep -q "test: accuracy" out && die "expected no accuracy on test images that are not there"
refuses "little/model.safetensors: expected the classes of one/best.safetensors" \
  "$fer" eval one/best.safetensors little/model.safetensors --data small
refuses "small/trained: expected pictures of this class" \
  "$fer" train --data small --model lenet --epochs 1 --out small/trained
[ ! -e small/trained ] || die "expected no folder of a training that never began"
accepts "$fer" scan --data small
prints "train: images 21, distinct 7,"
prints "validation: images that are also in train 0,"
prints "test: images that are also in validation 0"
grep -q "passed over" err && die "expected no word of pictures that are not there"
cp -r small beside_classes
cp face.pgm beside_classes
accepts "$fer" scan --data beside_classes
prints "train: images 21,"
grep -qF "beside_classes: passed over 1 picture beside the folders of the classes" err ||
  die "expected a word of the picture that belongs to no class"
mkdir beside_splits
cp -r small beside_splits/train
cp face.pgm beside_splits/train/1.pgm
cp face.pgm beside_splits/train/2.pgm
accepts "$fer" scan --data beside_splits
grep -qF "beside_splits/train: passed over 2 pictures" err || die "expected a word of two pictures"
cp -r small renamed
mv renamed/angry renamed/anger
refuses "trained with other training images or labels" \
  "$fer" train --data renamed --model lenet --epochs 1 --out little --resume
mv renamed/calm "renamed/$(printf 'x\303\251\303\251\303\251\303\251\303\251\303\251\303\251')"
accepts "$fer" train --data renamed --model lenet --epochs 1 --out letters
iconv -f UTF-8 -t UTF-8 out > /dev/null || die "expected names that are not cut inside of a letter"
prints "$(printf '  x\303\251\303\251\303\251\303\251\303\251\303\251\303\251     ')"
mv renamed/anger "renamed/$(printf '\351')"
refuses "expected classes whose names are UTF-8" \
  "$fer" train --data renamed --model lenet --epochs 1 --out x
accepts "$fer" eval little/model.safetensors --data small
prints "little/model.safetensors, validation: accuracy"
grep -q "take their place" err || die "expected a word of the test images that were asked for"
accepts "$fer" eval little/model.safetensors --data small --split validation
[ ! -s err ] || die "expected no word of test images that nobody asked for"
prints ", 3 images"
mkdir -p leaking/test
cp -r small leaking/train
cp -r small leaking/val
cp -r small/calm small/angry small/happy leaking/test
accepts "$fer" eval little/model.safetensors --data leaking
prints "none is left to judge by"
accepts "$fer" eval little/model.safetensors --data small --split all
prints ", 24 images"
mkdir fewer
cp -r small/calm fewer
refuses "fewer: dataset: expected the classes" "$fer" eval little/model.safetensors --data fewer
grep -qF "missing: angry, happy" err || die "expected the missing classes"

echo "data that is not as it should be"
attempt() {
  refuses "$1" "$fer" train --data "$2" --model lenet --epochs 1 --out bad
  [ ! -f bad/model.safetensors ] || die "a model was written"
}
sed '1s/pixels/pictures/' faces.csv > bad.csv
attempt 'expected a column "pixels"' bad.csv
sed '3s/ [0-9]*,/,/' faces.csv > bad.csv
attempt "bad.csv, line 3: expected 2304 pixels" bad.csv
sed '4s/ [0-9]*,/ 256,/' faces.csv > bad.csv
attempt "from 0 to 255" bad.csv
sed '5s/^[0-9]/7/' faces.csv > bad.csv
attempt "from 0 to 6" bad.csv
head -c 500000 faces.csv > bad.csv
attempt "cut" bad.csv
: > bad.csv
attempt "empty" bad.csv
attempt "no such file" none.csv
mkdir empty
attempt "expected" empty
head -n 3 faces.csv > few.csv
mkdir -p text/train/angry
echo "this is no picture" > text/train/angry/a.png
attempt "a.png" text
refuses "expected images" "$fer" quantize one/best.safetensors --data few.csv --out q.safetensors
grep -q "take their place" err && die "expected no word of images that are not there"
sed 's/$/\r/' faces.csv > dos.csv
accepts "$fer" train --data dos.csv --model lenet --epochs 1 --out dos

echo "models that are damaged"
head -c 40000 one/best.safetensors > cut.safetensors
refuses "is cut short: expected $(wc -c < one/best.safetensors) bytes, got 40000" \
  "$fer" predict cut.safetensors face.pgm
{
  head -c 90000 one/best.safetensors
  printf '\377\376\375'
  tail -c +90004 one/best.safetensors
} > altered.safetensors
{
  printf '\100\000\000\000\000\000\000\000'
  printf '%-64s' '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
  printf 'abcd'
} > foreign.safetensors
refuses "foreign.safetensors: expected a file that Octet wrote" "$fer" info foreign.safetensors
refuses "altered.safetensors" "$fer" eval altered.safetensors --data faces.csv
refuses "text/train" "$fer" predict one/best.safetensors text/train/angry/a.png

echo "models whose card makes no sense"
# edited SCRIPT: the model with its header changed by sed, to one of the same length, and with the
# checksum that the program computes of it.
edited() {
  LC_ALL=C sed "$1" one/best.safetensors > changed.safetensors
  "$fer" info changed.safetensors 2> err && die "expected \"$1\" to change the model"
  sum=$(sed -n 's/.*its checksum is \([0-9a-f]*\), .*/\1/p' err)
  LC_ALL=C sed "1s/\"octet.checksum\":\"[0-9a-f]*\"/\"octet.checksum\":\"$sum\"/" \
    changed.safetensors > edited.safetensors
}
edited ':a
1s/\("classes":"\[ *\)[^] ]/\1 /
ta'
refuses "edited.safetensors: classes: expected at least one name, got none" \
  "$fer" predict edited.safetensors face.pgm
edited ':a
1s/\(mean\\":\[ *\)[^] ]/\1 /
ta'
refuses "edited.safetensors: normalization: expected at least one mean and one deviation, got 0 and 1" \
  "$fer" predict edited.safetensors face.pgm
edited '1s/mean\\":\[0\../mean\\":[0,1/; 1s/deviation\\":\[0\..../deviation\\":[0,1,1/'
refuses "normalization: expected as many means as deviations, or one, got 2 and 3" \
  "$fer" info edited.safetensors
edited ':a
1s/\(deviation\\":\[ *\)[^] ]/\1 /
ta
1s/\(deviation\\":\[\)     /\11e-44/'
refuses "expected a finite deviation above 0 with a finite inverse" "$fer" train --data faces.csv --from edited.safetensors --out onward --overwrite
[ -f onward/best.safetensors ] || die "a training was removed by one that never began"
cat > models.cpp << 'C'
#include <octet/program/file.hpp>

using namespace octet;

void save(const Shape& shape, const char* path, const Metadata& metadata) {
  Operation reshape;
  reshape.inputs = {0};
  reshape.output = 1;
  reshape.parameters = operations::Reshape{};
  ProgramDescription description;
  description.values = {{.name = "input", .shape = shape}, {.name = "output", .shape = {3}}};
  description.operations = {reshape};
  description.inputs = {0};
  description.outputs = {1};
  save_program(Program(description), path, metadata);
}

int main() {
  save({3}, "vector.safetensors", {});
  save({1, 1, 3}, "colours.safetensors",
       {{"model", "mine"},
        {"classes", R"(["red", "green", "blue"])"},
        {"normalization", R"({"mean": [0.5], "deviation": [0.25, 0.5, 1]})"}});
}
C
accepts "${CXX:-c++}" -std=c++20 -I"$OCTET_SOURCE_DIR/include" models.cpp -o models -pthread
accepts ./models
accepts "$fer" info colours.safetensors
prints "normalized by (x - 0.5) / 0.25 (x - 0.5) / 0.5 (x - 0.5) / 1"
refuses "vector.safetensors: expected a network with one input [H, W, C], got 1 input, of shape [3]" \
  "$fer" bench vector.safetensors

echo "places that cannot be written to"
refuses "faces.csv" train faces.csv/folder
refuses "cannot be written" "$fer" quantize one/best.safetensors --data faces.csv \
  --out nowhere/int8.safetensors
# Files of at most 50 blocks, as if the disk were full.
refuses "cannot be written" sh -c "ulimit -f 50; exec \"\$0\" train --data faces.csv \
  --model lenet --epochs 1 --out full" "$fer"
[ ! -e full ] || die "something was left behind: $(ls full)"
mkfifo pipe
refuses "--out: expected a folder, but faces.csv is a file" train faces.csv
for command in "predict int8.safetensors face.pgm" "info int8.safetensors" "scan --data faces.csv" \
  "--help"; do
  refuses "standard output: cannot be written" sh -c "exec \"\$0\" $command > /dev/full" "$fer"
  refuses "standard output: cannot be written" sh -c "exec \"\$0\" $command >&-" "$fer"
done
for target in /dev/full pipe; do
  refuses "got a folder or a device" "$fer" quantize one/best.safetensors --data faces.csv \
    --out $target
  refuses "$target: the folder cannot be made" train $target
done
rm pipe

echo "command lines that make no sense"
refuses "--data is required" "$fer" train
refuses "nonsense" "$fer" train --data faces.csv --out x --model nonsense
refuses "OCTET_ISA: expected" env OCTET_ISA=avx3 "$fer" predict one/best.safetensors face.pgm
refuses "OCTET_ISA: expected" env OCTET_ISA=avx3 "$fer" train --data faces.csv --out x
absurd() {
  refuses "$1: expected $2" "$fer" train --data faces.csv --out x "$1" "$3"
  grep -qF -- "got $3" err || die "expected what was typed, $3"
}
absurd --epochs "at least 1" 0
absurd --batch "at least 1" 0
absurd --clip-norm "at least 0" -1
absurd --patience "at least 0" -1
absurd --crop "at most 24" 100000000000
absurd --seed "at least 0" -1
absurd --seed "at most 18446744073709551615" 18446744073709551616
absurd --seed "at least 0" -18446744073709551616
absurd --max-lr "at most 100" 1e30
absurd --max-lr "a number above 0" -0.5
absurd --threads "at most 1024" 100000
absurd --label-smoothing "at most 0.9" 1
refuses '--epochs: expected a whole number, got "1.5"' train x --epochs 1.5
for number in 010 -01 00; do
  refuses "--threads: expected a whole number without a leading 0, got \"$number\"" \
    train x --threads $number
done
refuses '--max-lr: expected a number, got "nan"' train x --max-lr nan
refuses "--width: expected 1 for lenet" train x --width 2
refuses "--momentum: expected --optimizer sgd" train x --momentum 0.5
refuses "got an empty path" "$fer" eval "" --data faces.csv
refuses "got an empty path" train ""
refuses 'expected a command (train, eval, quantize, predict, info' "$fer" learn --data faces.csv
grep -q "did you mean" err && die "nothing is like learn"
refuses "fer train --data fer2013.csv" "$fer"
[ ! -e x ] || die "a folder was made"
accepts "$fer" --version
prints "fer, of Octet "
accepts env OCTET_ISA=scalar "$fer" --version
prints "with scalar"
accepts "$fer" --help
for command in train eval quantize predict info; do
  prints "  fer $command "
done
prints "in about two minutes"
for command in train eval quantize predict info bench emit scan; do
  accepts "$fer" $command --help
  prints "Example"
  grep -q "[a-z] trained/best.safetensors" out && die "expected trained/model.safetensors as example"
done
accepts "$fer" demo --help
accepts "$fer" quantize --help
prints "--keep-float TEXT  "
prints "separated by commas"
accepts "$fer" bench --help
prints "share: "
prints "why: "
accepts "$fer" eval --help
grep -q "are learned" out && die "eval learns nothing"
accepts "$fer" train --help
for text in "needed, except with --profile" "3e-4 with --from" "cosine with --from" \
  "0.01 with adamw"; do
  prints "$text"
done
echo "all good"
