-- SPDX-License-Identifier: MIT
--
-- The command on every Lua.
local command = require "support.command"

describe("the command #matrix", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  it("asks, compares and remembers", function()
    assert.matches("\nudio +195 credits ", (command.expect(0, "get")))
    assert.matches("^udio: 195 credits left", (command.expect(0,
      "history udio")))
  end)

  it("parses arguments, and shows its help", function()
    if not pcall(require, "argparse") then
      return pending "Debian has no argparse for this Lua"
    end
    command.expect(1, "check udio --min 200")
    command.expect(64, "check udio --mni 200")
    assert.matches("^Usage: balance ", (command.expect(0, "--help")))
    assert.matches("\nnothing is wrong\n$", (command.expect(0, "doctor")))
    assert.matches("^BALANCE OK", (command.expect(0, "nagios")))
  end)
end)
