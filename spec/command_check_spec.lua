-- SPDX-License-Identifier: MIT
--
-- `balance check`: the exit status is what scripts live on.
local accounts = require "sandbox.accounts"
local cjson = require "cjson"
local command = require "support.command"

describe("balance check #fast", function()
  setup(command.setup)
  teardown(command.teardown)
  before_each(command.new_home)

  it("says nothing where all is well, unless it is asked", function()
    local output, errors = command.expect(0, "check udio --min 195")
    assert.equal("", output .. errors)
    output, errors = command.expect(0, "check udio --min 195 -v")
    assert.equal("udio: 195 credits left, which is enough\n", output)
    assert.equal("", errors)
  end)

  it("ends with 1 below a threshold, and says so on standard error",
    function()
      local output, errors = command.expect(1, "check udio --min 195.5")
      assert.equal("", output)
      assert.equal("balance: udio: 195 credits left, less than 195.5"
        .. " credits.\n", errors)
    end)

  it("compares dollars, not cents", function()
    local key = "TENCENTCLOUD_SECRET_ID=" .. accounts.tencent.bench.secret_id
      .. " TENCENTCLOUD_SECRET_KEY=" .. accounts.tencent.bench.secret_key
    command.expect(0, "check tencent --min 42", key)
    local _, errors = command.expect(1, "check tencent --min 42.01", key)
    assert.equal("balance: tencent: 42.00 USD left, less than 42.01 USD.\n",
      errors)
  end)

  it("ends with 2 where it is not known, also beside a low one", function()
    local wrong = "UDIO_API_KEY=wrong"
    local _, errors = command.expect(2, "check udio --min 0", wrong)
    assert.equal("balance: udio: auth: Unauthorized: Invalid or missing API"
      .. " key\nbalance: `balance doctor udio` looks for the cause\n", errors)
    _, errors = command.expect(2, "check udio tempolor --min 1000", wrong)
    assert.matches("udio: auth", errors)
    assert.matches("tempolor: 776.56 credits left, less than 1000 credits",
      errors)
  end)

  it("takes what is not known for fine with --fail-open, and says it",
    function()
      local wrong = "UDIO_API_KEY=wrong"
      local _, errors = command.expect(0, "check udio --min 1 --fail-open",
        wrong)
      assert.matches("udio: auth", errors)
      command.expect(1, "check udio tempolor --min 1000 --fail-open", wrong)
    end)

  it("does not know for how long it lasts before there is a history",
    function()
      local _, errors = command.expect(2, "check udio --min-days 3")
      assert.matches("^balance: udio: not enough data yet", errors)
      command.expect(0, "check udio --min-days 3 --fail-open")
      command.expect(1, "check udio --min-days 3 --min 200")
    end)

  it("ends with the same status with --json, and prints one document",
    function()
      for status, min in pairs { [0] = "1", [1] = "200" } do
        local output = command.expect(status, "check udio --json -v --min "
          .. min)
        assert.equal(195, cjson.decode(output).accounts.udio.available)
      end
    end)

  it("takes the thresholds of the accounts file, unless it is given others",
    function()
      command.write_accounts [[{ "accounts": {
        "rich": { "provider": "udio", "api_key": "env:UDIO_API_KEY",
                  "min": 195 },
        "poor": { "provider": "udio", "api_key": "env:UDIO_API_KEY",
                  "min": 195.01 },
        "free": { "provider": "udio", "api_key": "env:UDIO_API_KEY" }
      } }]]
      local _, errors = command.expect(1, "check")
      assert.equal("balance: poor: 195 credits left, less than 195.01"
        .. " credits.\n", errors)
      command.expect(0, "check rich")
      command.expect(0, "check poor --min 5")
      _, errors = command.expect(64, "check free")
      assert.equal("balance: there is no threshold for free\nbalance: give"
        .. ' --min or --min-days, or "min" in the accounts file\n', errors)
      command.expect(1, "get poor")
      command.expect(0, "get rich")
    end)

  it("ends with 64 for arguments that make no sense, and asks nobody",
    function()
      local nowhere = "UDIO_ENDPOINT=http://127.0.0.1:1"
      for _, words in ipairs { "udio", "udio --min", "udio --min x",
        "udio --min 1e3", "udio --min 0x10", "udio --min nan",
        "udio --min-days -1", "udio --mni 5", "nobody --min 1",
        "udio --min 1 --timeout 0", "udio --min ''", "--min=",
        "udio --min 1,5",
      } do
        local output, errors = command.expect(64, "check " .. words, nowhere)
        assert.equal("", output, words)
        assert.matches("^balance: [^\n]+\nbalance: [^\n]+\n$", errors)
      end
    end)
end)
