// SPDX-License-Identifier: Apache-2.0
import { limited } from './limit';

const never = () => new Promise<void>(() => {});

describe('what is limited', () => {
  it('gives its answer, or its complaint', async () => {
    const { signal } = new AbortController();
    await expect(limited(1000, signal, async () => 7)).resolves.toBe(7);
    const complaint = async () => {
      throw new Error('no');
    };
    await expect(limited(1000, signal, complaint)).rejects.toThrow('no');
  });

  it('ends in time, and is told so', async () => {
    let told: AbortSignal | undefined;
    const end = limited(10, new AbortController().signal, signal => {
      told = signal;
      return never();
    });
    await expect(end).rejects.toThrow('no answer for 10 ms');
    expect(told?.aborted).toBe(true);
  });

  it('ends when everything stops, and does not begin after that', async () => {
    const stop = new AbortController();
    const end = limited(60_000, stop.signal, never);
    stop.abort();
    await expect(end).rejects.toThrow('stopped');
    const work = jest.fn(never);
    await expect(limited(60_000, stop.signal, work)).rejects.toThrow();
    expect(work).not.toHaveBeenCalled();
  });
});
