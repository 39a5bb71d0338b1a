# Shows {"processed_results":[…],"input_data":[…]} as two sparklines and a short table. -v
# first=YEAR of the first value.
function numbers(name, into,    text) {
  text = $0
  sub(".*\"" name "\":\\[", "", text)
  sub("\\].*", "", text)
  return split(text, into, ",")
}
function spark(values, n,    i, line) {
  line = ""
  for (i = 1; i <= n; i++)
    line = line bar[values[i] == "null" ? 0 : 1 + int((values[i] - low) / (high - low) * 7.999)]
  return line
}
{
  n = numbers("input_data", sent)
  if (numbers("processed_results", filtered) != n || n < 2) {
    print "unexpected answer: " substr($0, 1, 200)
    exit 1
  }
  split("▁ ▂ ▃ ▄ ▅ ▆ ▇ █", bar, " ")
  bar[0] = " "
  low = high = sent[1]
  for (i = 1; i <= n; i++) {
    if (sent[i] + 0 < low + 0) low = sent[i]
    if (sent[i] + 0 > high + 0) high = sent[i]
  }
  if (low == high) high = low + 1
  print "  sent      " spark(sent, n)
  print "  filtered  " spark(filtered, n)
  print ""
  print "      year      sent  filtered"
  for (i = 1; i <= n; i++) {
    if (i <= 4 || i > n - 2) printf "      %4d  %8g  %8.2f\n", first + i - 1, sent[i], filtered[i]
    if (i == 5) print "         …"
  }
}
