-- SPDX-License-Identifier: MIT
--- Lets two or more sides do the same in turns. A side is a process that does
-- its work so many times as a line of its stdin says, and answers each line
-- with the seconds of CPU that took, and where it knows its peak memory in
-- KiB: sides/rounds.lua, sides/rounds.h and sides/spawn.c.
local core = require "balance.core"
local process = require "support.process"

local _M = {}

local patience = 15 -- seconds

--- What calls are made over: its name, an endpoint that speaks it, and how a
-- script of sides/ is told.
_M.protocols = {
  { name = "HTTP/1.1", endpoint = os.getenv "SANDBOX_HTTP1", word = "http1" },
  { name = "HTTP/2", endpoint = os.getenv "UDIO_ENDPOINT", word = "http2" },
}

--- The command that runs a script of sides/ under an interpreter, which finds
-- the module that was built for it.
function _M.lua(interpreter, script, ...)
  local words = { "LUA_CPATH='build/" .. interpreter .. "/?.so;;'",
    interpreter, "spec/bench/sides/" .. script }
  for _, word in ipairs { ... } do
    words[#words + 1] = process.quote(tostring(word))
  end
  return table.concat(words, " ")
end

--- The command of a program that was compiled from sides/.
function _M.program(name, ...)
  local words = { process.quote(process.build .. "/bench/" .. name) }
  for _, word in ipairs { ... } do
    words[#words + 1] = process.quote(tostring(word))
  end
  return table.concat(words, " ")
end

--- Whether a command succeeds, such as one that loads a peer.
function _M.works(command)
  return select(2, process.run(command)) == 0
end

-- Runs taskset for the sandbox's processes and for this one, whose sides will
-- be like it. Returns what it said last.
local function place(arguments)
  local file = assert(io.open "/proc/self/stat")
  local own = file:read "*n"
  file:close()
  local master = process.read(os.getenv "SANDBOX_DIR" .. "/nginx.pid")
    :match "%d+"
  local children = process.read(("/proc/%s/task/%s/children"):format(master,
    master))
  local said, status
  for pid in (children .. master .. " " .. own):gmatch "%d+" do
    said, status = process.run(("taskset -cp %s %s"):format(arguments, pid))
    assert(status == 0, said)
  end
  return said
end

--- Has both sides of `work()` and the sandbox on one processor. Where the
-- kernel places a client and a server, each waking the other, makes a call
-- cost up to four times as much, and one process is placed unlike the next.
function _M.on_one_processor(work)
  local before = place "":match "list: (%S+)"
  place(before:match "^%d+")
  work()
  place(before)
end

--- Starts a side. `count` is how often it does its work in a round.
function _M.start(command, count)
  local fifo = os.tmpname()
  os.remove(fifo)
  assert(_M.works("mkfifo " .. fifo))
  local output = assert(io.popen(command .. " <" .. fifo))
  local input = assert(io.open(fifo, "w"))
  os.remove(fifo)
  local side = { count = count, wall = {}, cpu = {}, memory = {} }

  -- What the side says of itself before its first round.
  function side.line()
    return output:read("*l")
  end

  function side.round()
    local begin = core.now()
    assert(input:write(count, "\n"))
    input:flush()
    local line = output:read("*l")
    local wall = core.now() - begin
    local cpu, memory = (line or ""):match("^(%S+) ?(%S*)$")
    assert(tonumber(cpu), "this side has failed: " .. command)
    return wall / count, tonumber(cpu) / count, tonumber(memory)
  end

  side.input, side.output = input, output
  return side
end

--- Rounds in turns, after one that is not counted: so many, or one at least
-- where there is no patience for more. Each begins with another side. What one
-- piece of work took is then in `wall`, `cpu` (seconds) and `memory` (KiB) of
-- each side, round by round, and the sides have been stopped.
function _M.alternate(rounds, sides)
  local finish = core.now() + patience
  for round = 0, rounds do
    if round > 1 and core.now() > finish then
      break
    end
    for turn = 1, #sides do
      local side = sides[(round + turn) % #sides + 1]
      local wall, cpu, memory = side.round()
      if round > 0 then
        side.wall[round], side.cpu[round] = wall, cpu
        side.memory[round] = memory
      end
    end
  end
  -- A side has inherited the inputs of those before it.
  for _, stream in ipairs { "input", "output" } do
    for _, side in ipairs(sides) do
      side[stream]:close()
    end
  end
end

return _M
