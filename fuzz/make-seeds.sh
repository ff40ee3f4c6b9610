#!/usr/bin/env bash
# Makes the small inputs that fuzzing starts from, under fuzz/corpus, out of captures/ and tests/fixtures/pictures.
# Needs editcap (wireshark-common), gzip and zstd. The same files give the same inputs.
set -euo pipefail
cd "$(dirname "$0")/.."
corpus=fuzz/corpus
mkdir -p $corpus/{capture_file,analyze,wire_decoder,picture_walker,reassembly}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

bytes() { printf "$(printf '\\x%02x' "$@")"; }

# Whole captures where they are small, else their first frames, as pcap, pcapng and compressed.
for capture in catalog-empty-request eof catalog udp marker-split pipeline-hang length-u32be raw-pixels-reset eof-lossy; do
    first=$scratch/$capture.pcap
    editcap -F pcap -r captures/$capture.pcap "$first" 1-14
    [ "$(stat -c %s "$first")" -le 24000 ] || editcap -F pcap -s 700 -r captures/$capture.pcap "$first" 1-14
    cp "$first" $corpus/analyze/$capture.pcap
done
editcap -F pcap captures/catalog-empty-request.pcap $corpus/capture_file/micro.pcap
editcap -F nsecpcap captures/catalog-empty-request.pcap $corpus/capture_file/nano.pcap
editcap -F modpcap captures/catalog-empty-request.pcap $corpus/capture_file/modified.pcap
editcap -F pcapng captures/catalog-empty-request.pcap $corpus/capture_file/next.pcapng
editcap -F pcapng -a 2:words captures/catalog-empty-request.pcap $corpus/capture_file/comment.pcapng
gzip -n <$corpus/capture_file/micro.pcap >$corpus/capture_file/micro.pcap.gz
zstd -q <$corpus/capture_file/next.pcapng >$corpus/capture_file/next.pcapng.zst
head -c 300 $corpus/capture_file/micro.pcap >$corpus/capture_file/cut.pcap
cat $corpus/capture_file/next.pcapng $corpus/capture_file/comment.pcapng >$corpus/capture_file/sections.pcapng

# format, pieces, gap, its place; picture
for picture in tests/fixtures/pictures/*; do
    name=$(basename "$picture")
    case $name in
    *.jpg) format=0 ;; *.png) format=1 ;; *.gif) format=2 ;; *.webp) format=3 ;; *.bmp) format=4 ;; *) continue ;;
    esac
    { bytes $format 7 0 0 && cat "$picture"; } >$corpus/picture_walker/"$name"
    { bytes $format 9 5 200 && cat "$picture"; } >$corpus/picture_walker/gap-"$name"
done

# format, sender and end, pieces, gap, its place; stream
picture=tests/fixtures/pictures/still.gif
length=$(stat -c %s $picture)
wire() { # wire NAME FORMAT [ENDS]   the stream from standard input, without and with a gap
    cat >"$scratch/stream"
    { bytes "$2" "${3:-0}" 3 0 0 && cat "$scratch/stream"; } >$corpus/wire_decoder/"$1"
    { bytes "$2" "${3:-0}" 5 40 60 && cat "$scratch/stream"; } >$corpus/wire_decoder/gap-"$1"
}
twice() { cat $picture && "$@" && cat $picture && "$@"; }
twice printf '%%IMAGE_COMPLETED%%' | wire marker 0
twice printf '<END>' | wire end 1
twice printf 'ababababab' | wire ababa 2
wire eof 3 <$picture
printf '9' | wire choice 4
wire catalog 4 1 <$picture
head -c 603 $picture | wire raw-pixels 5
head -c 180 $picture | wire raw-pixels-3 6
wire udp 7 <$picture
{ bytes 0 $length && cat $picture; } | wire u16be 8
{ bytes $length 0 && cat $picture; } | wire u16le 9
{ bytes 0 0 0 $length && cat $picture; } | wire u32be 10
{ bytes $length 0 0 0 && cat $picture; } | wire u32le 11
{ bytes 0 0 0 0 0 0 0 $length && cat $picture; } | wire u64be 12
{ bytes $length 0 0 0 0 0 0 0 && cat $picture; } | wire u64le 13
{ printf '%-64d' $length && cat $picture; } | wire ascii64 14
{ printf '%-10d' $length && cat $picture; } | wire ascii10 15
{ cat $picture tests/fixtures/pictures/palette.bmp && printf 'DONE' && cat tests/fixtures/pictures/gray.jpg; } | wire carve 16
head -c 900 tests/fixtures/pictures/gray.jpg | wire carve-cut 16 2

# what, offset (two), length, more on the wire
{
    bytes 3 0 32 200 0 3 0 60 90 0 67 0 32 90 0 0 1 144 0 0 35 0 40 10 60
} >$corpus/reassembly/overlap
{
    bytes 131 0 100 50 0 131 0 200 50 0 131 0 150 50 0 131 0 0 100 0 0 0 250 0 1 131 0 120 10 0
} >$corpus/reassembly/disorder
{
    bytes 3 0 32 100 0 195 0 20 60 0 1 0 50 0 0 2 0 0 0 0 195 0 20 60 0
} >$corpus/reassembly/conflict
python3 fuzz/make-seeds.py $corpus
du -sh $corpus
