/ tables of the tickerplant
trade:([]time:`timestamp$(); sym:`g#`symbol$(); price:`float$(); size:`int$(); ex:`symbol$(); cond:`symbol$())
quote:([]time:`timestamp$(); sym:`g#`symbol$(); bid:`float$(); ask:`float$();
  bsize:`int$(); asize:`int$(); ex:`symbol$())
