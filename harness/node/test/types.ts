// Compiles against the declarations of the installed package; it is not run.

import { Harness, type Behaviour, type Callback, type Event, type Key, type Recording, type Replay } from 'keysync-harness';
import { useHarness as useInJest } from 'keysync-harness/jest';
import { useHarness } from 'keysync-harness/node-test';

export async function check(): Promise<string> {
  const harness: Harness = await new Harness('--acknowledging').start();
  const key: Key = await harness.createKey('invoices', { protects: ['cloud-object-storage', ['databases', 'ledger']] });
  const failing: Behaviour = { respond: { status: 503 } };
  await harness.setBehaviour('cloud-object-storage', failing, 2);
  // @ts-expect-error There is no such behaviour.
  await harness.setBehaviour('cloud-object-storage', 'sulk');
  await harness.setBehaviour('cloud-object-storage', failing, undefined, { key: key.id, event_type: 'rotate' });
  // @ts-expect-error There is no such lifecycle action.
  await harness.setBehaviour('cloud-object-storage', failing, 1, { event_type: 'sulk' });
  await harness.setBehavioursInTurn('cloud-object-storage', [failing, 'act']);
  const recording: Recording = await harness.recording();
  const { differences }: Replay = await harness.replay(recording);
  const syncs: number = await harness.countRequests({ to: 'endpoint', path: '/actions/sync' });
  // @ts-expect-error The harness has no such part.
  await harness.requests({ to: 'kitchen' });
  const names: string[] = await harness.snapshots();
  const publicKeys: string[] = await harness.rotateSigningKey({ withdraw: true });
  await harness.setRedeliverSchedule(null);
  // @ts-expect-error There is no such role.
  await harness.createIdentity('owner');
  const [callback]: Callback[] = await harness.callbacks('cloud-object-storage', { key: key.id, at_least: 1 });
  const [event]: Event[] = await harness.events('cloud-object-storage', key.id);
  const state: number = event?.data.keyState ?? 0;
  const counts = [differences.length, syncs, names.length, publicKeys.length];
  return `${callback?.headers['webhook-id']} ${state} ${harness.info.endpoint} ${counts}`;
}

export const inEachFramework: Harness[] = [useHarness(), useInJest('--acknowledging')];
