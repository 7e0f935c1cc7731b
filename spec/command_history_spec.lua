-- SPDX-License-Identifier: MIT
--
-- `balance history`, of a history that a monitor made up.
local cjson = require "cjson"
local command = require "support.command"
local process = require "support.process"
local watching = require "support.watching"

-- Seven days, an answer each hour, and a top-up: 4 credits an hour are used.
local function seed()
  local path = command.write(".local/state/balance/state.sqlite", "")
  local world = watching.world { udio = 696 }
  local store = require("balance").store.sqlite(path)
  local watched = watching.monitor(world, { store = store })
  local now = os.time()
  for hour = 7 * 24 - 1, 1, -1 do
    world.now = now - hour * 3600
    world.left.udio = world.left.udio - 4
    if hour == 48 then
      world.left.udio = world.left.udio + 500
    end
    watched:refresh()
  end
  store:close()
  return now
end

describe("balance history #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  it("draws what was left, and says when it is empty", function()
    seed()
    local output, errors = command.expect(0, "history udio")
    assert.equal("", errors)
    local head, line, bounds, top_up = output:match(
      "^([^\n]+)\n([^\n]+)\n([^\n]+)\n([^\n]+)\n$")
    assert.matches("^udio: 528 credits left, 96 credits a day, empty in 5 days"
      .. " %(6%d minutes ago%)$", head)
    assert.matches("^  [▁▂▃▄▅▆▇█]+$", line)
    assert.matches("^  from .* on: highest 716 credits, lowest 220 credits$",
      bounds)
    assert.matches("^  %S+Z top%-up of 496 credits$", top_up)
    -- full at first, low before the top-up, then full again
    local blocks = {}
    for block in line:gmatch "\226\150[\128-\191]" do
      blocks[#blocks + 1] = block:byte(3) - 0x80
    end
    assert.equal(76, #blocks)
    assert.equal(8, blocks[1])
    assert.is_true(blocks[53] < 4)
    assert.is_true(blocks[56] >= 7)
  end)

  it("is as wide as the terminal", function()
    seed()
    for _, width in ipairs { 20, 120 } do
      local output = command.in_terminal("history udio", nil, width)
      local _, count = output:match "\n([^\n]+)\n":gsub("\226", "")
      assert.equal(width - 4, count)
    end
  end)

  it("asks nobody", function()
    seed()
    command.expect(0, "history udio", "UDIO_ENDPOINT=http://127.0.0.1:1")
  end)

  it("lists all samples with --csv", function()
    seed()
    local output = command.expect(0, "history udio --csv")
    local lines = {}
    for line in output:gmatch "([^\r\n]*)\r\n" do
      lines[#lines + 1] = line
    end
    assert.equal("account,time,left,unit,top_up", lines[1])
    assert.equal(1 + 7 * 24 - 1, #lines)
    assert.matches("^udio,%d+%-%d+%-%d+T%d+:%d+:%d+Z,692,credits,$", lines[2])
    assert.matches(",716,credits,496\n", (output:gsub("\r", "")))
    output = command.expect(0, "history udio --csv --days 1")
    assert.is_true(select(2, output:gsub("\n", "")) <= 1 + 24)
  end)

  it("prints the report's document with --json, of these days", function()
    seed()
    local document = cjson.decode((command.expect(0,
      "history udio --json --days 2")))
    assert.is_true(#document.accounts.udio.history <= 48)
    assert.equal(96, document.accounts.udio.rate)
  end)

  it("lets check know for how long it lasts", function()
    seed()
    local known = " udio --max-age 7200 "
    command.expect(0, "check" .. known .. "--min-days 5")
    local _, errors = command.expect(1, "check" .. known .. "--min-days 6")
    assert.equal("balance: udio: 528 credits left, for less than 6 days. At 96"
      .. " credits a day it is empty in 5 days.\n", errors)
    local output = command.expect(0, "get" .. known .. "--plain")
    assert.matches("^udio\tudio\t528\tcredits\t96\t4752%d%d\t", output)
  end)

  it("needs no key", function()
    seed()
    assert.matches("^udio: 528 credits left", (command.expect(0, "history",
      "env -u UDIO_API_KEY -u TEMPOLOR_API_KEY -u TENCENTCLOUD_SECRET_ID")))
  end)

  it("says what to do where nothing is known", function()
    local _, errors = command.expect(2, "history udio")
    assert.equal("balance: nothing is remembered\nbalance: run `balance"
      .. " watch`, or `balance get` now and then\n", errors)
    command.expect(0, "get tempolor")
    local output = command.expect(0, "history udio")
    assert.equal("udio: nothing is known yet\n", output)
    for _, days in ipairs { "0", "91", "x" } do
      command.expect(64, "history udio --days " .. days)
    end
  end)

  it("ends with 2 where the state file is not ours, and leaves it", function()
    local path = command.write(".local/state/balance/state.sqlite",
      ("not a database "):rep(100))
    local _, errors = command.expect(2, "history udio")
    assert.matches("state.sqlite: file is not a database\n", errors)
    _, errors = command.expect(0, "get udio --plain")
    assert.matches("file is not a database", errors)
    assert.equal(("not a database "):rep(100), process.read(path))
  end)
end)
