-- SPDX-License-Identifier: MIT
--- A side of a comparison: for each line of stdin, a number, does its work so
-- many times and answers with the seconds of CPU that took. Before that it
-- may have something to say.
return function(once, first_line)
  io.stdout:setvbuf "line"
  if first_line then
    print(first_line)
  end
  for line in io.lines() do
    local begin = os.clock()
    for _ = 1, tonumber(line) do
      once()
    end
    print(("%.6f"):format(os.clock() - begin))
  end
end
