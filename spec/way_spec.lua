-- SPDX-License-Identifier: MIT
-- The way of a call through the files, as a reader walks it: each call of a
-- Lua function in another file is a move, and so is the return from it.
local process = require "support.process"

-- Counts on the way of the last of four calls, in a program of its own.
local function walk(settings)
  local output, status = process.run_lua(([[
    local ask = require "balance".new(%s).udio
    local options = { api_key = os.getenv "UDIO_API_KEY" }
    for _ = 1, 3 do
      assert(ask(options))
    end
    local function file_at(level)
      local info = debug.getinfo(level + 1, "S")
      return info and (info.source:match "lua/balance/(.-)%%.lua$"
        or info.what == "main" and "script") or nil, info
    end
    local function caller_of(level)
      local info
      repeat
        level = level + 1
        local file
        file, info = file_at(level)
        if file then
          return file
        end
      until not info
    end
    local calls, files, count, moves, last = 0, {}, 0, 0, nil
    local function hook(event)
      local file = file_at(2)
      if not file or file == "script" then
        return
      elseif event == "return" then
        file = caller_of(3)
      else
        calls = calls + 1
      end
      if file ~= "script" and not files[file] then
        files[file], count = true, count + 1
      end
      if file ~= "script" and file ~= last then
        moves, last = moves + (last and 1 or 0), file
      end
    end
    debug.sethook(hook, "cr")
    local result = ask(options)
    debug.sethook()
    assert(result)
    io.write(calls, " ", count, " ", moves)
  ]]):format(settings))
  assert.equal(0, status, output)
  local calls, files, moves = output:match "^(%d+) (%d+) (%d+)$"
  return tonumber(calls), tonumber(files), tonumber(moves)
end

describe("the way of a call", function()
  it("goes through at most ten files, with at most twenty moves", function()
    local _, files, moves = walk "{}"
    assert.is_true(files <= 10, files)
    assert.is_true(moves <= 20, moves)
  end)

  it("of a cache's answer is not much longer", function()
    local _, files, moves = walk "{ cache = { ttl = 1000 } }"
    assert.is_true(files <= 13, files)
    assert.is_true(moves <= 25, moves)
  end)

  -- A table that grows leaves its smaller ones behind. What the host has set
  -- its collector to does not count.
  it("leaves little garbage", function()
    local output, status = process.run_lua [[
      if rawget(_G, "jit") then
        jit.off()
      end
      local ask = require "balance".new {}.udio
      local options, count = { api_key = os.getenv "UDIO_API_KEY" }, 50
      local function ask_often()
        for _ = 1, count do
          assert(ask(options))
        end
      end
      ask_often()
      collectgarbage()
      collectgarbage "stop"
      local before = collectgarbage "count"
      ask_often()
      io.write((collectgarbage "count" - before) / count)
    ]]
    assert.equal(0, status, output)
    assert.is_true(tonumber(output) < 4.5, output)
  end)

  it("makes few calls", function()
    assert.is_true(walk "{}" < 55)
  end)
end)
